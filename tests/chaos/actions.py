"""What people, banks, Stripe, the clock and our own workers do next."""

from collections.abc import Callable
from contextlib import suppress

from billing import stripe_gateway as gateway
from billing.services.deposits_reconcile import deposits_reconcile
from billing.services.events_reconcile import events_catch_up, events_reconcile
from billing.services.payouts_run import payouts_reconcile, payouts_run
from billing.services.refund_step import refunds_reconcile
from core.errors import CuxError
from tests.chaos import earning, paying
from tests.chaos.scene import Scene
from tests.chaos.wallets import messages_arrive

Action = Callable[[Scene], object]
WAITS_S = (5, 5, 60, 60, 600, 600, 3_600, 21_600, 90_000, 260_000)
REFUSALS = (CuxError, gateway.Refused, gateway.Declined)
"""What people are told when it cannot be done now."""
WORKERS: tuple[Action, ...] = (
    lambda scene: deposits_reconcile(now=scene.now()),
    lambda scene: refunds_reconcile(now=scene.now()),
    lambda scene: payouts_reconcile(now=scene.now()),
    lambda scene: events_reconcile(now=scene.now()),
    lambda scene: messages_arrive(scene.now()),
)


def work(scene: Scene) -> None:
    """A reconciler runs, or all of them do, in any order."""
    how_many = scene.chance.choice((1, len(WORKERS)))
    for worker in scene.chance.sample(WORKERS, how_many):
        worker(scene)


def catch_up(scene: Scene) -> None:
    """We ask Stripe what we have not heard of."""
    events_catch_up(now=scene.now())


def daily_payouts(scene: Scene) -> None:
    """The hour of the day's payouts comes."""
    payouts_run(now=scene.now())


def wait(scene: Scene) -> None:
    """Time passes."""
    scene.advance(scene.chance.choice(WAITS_S))


def trouble(scene: Scene) -> None:
    """Stripe begins to behave otherwise."""
    chance = scene.chance
    scene.double.chaos(
        seed=chance.randrange(1_000_000),
        error_before=chance.choice((0, 0, 10)),
        rate_limited=chance.choice((0, 0, 10)),
        error_after=chance.choice((0, 20, 50)),
        timeout_after=chance.choice((0, 20, 40)),
        webhook_first=chance.choice((0, 50)),
        webhook_duplicates=chance.choice((0, 0, 1, 4)),
        webhook_shuffle=chance.random() < 0.5,
        webhook_delay_min_s=chance.choice((0, 0, 600)),
        webhook_delay_max_s=chance.choice((0, 60, 7_200, 260_000)),
        webhook_drop=chance.choice((0, 30, 100)),
    )


def calm(scene: Scene) -> None:
    """Stripe behaves."""
    scene.double.chaos()


ACTIONS: dict[Action, int] = {
    paying.ask_for_a_page: 5,
    paying.pay_on_the_page: 8,
    paying.pay_by_saved_card: 5,
    paying.confirm: 1,
    paying.take_back: 4,
    paying.refund_at_stripe: 1,
    paying.bank_sends_refund_back: 1,
    paying.dispute: 2,
    paying.decide_dispute: 2,
    earning.tell_of_a_bank: 3,
    earning.earn: 5,
    earning.ask_for_payout: 4,
    earning.release: 1,
    earning.bank_returns_payout: 2,
    earning.requirement: 1,
    earning.house_tops_up: 1,
    daily_payouts: 1,
    work: 12,
    catch_up: 1,
    wait: 3,
    trouble: 3,
    calm: 1,
}
"""With how much weight each comes."""


def act(scene: Scene) -> None:
    """Do what comes next by the scene's chance; what is refused is left as it is, or soon tried again."""
    action = scene.chance.choices(list(ACTIONS), list(ACTIONS.values()))[0]
    try:
        action(scene)
    except REFUSALS as refusal:
        if isinstance(refusal, gateway.Unavailable) and scene.chance.random() < 0.7:
            scene.advance(60)
            with suppress(*REFUSALS):
                work(scene)


def begin(scene: Scene) -> None:
    """Somebody has paid and saved a card, somebody is to be paid, before anything goes wrong."""
    scene.top_up(scene.chance.choice((0, 0, 20_000)))
    paying.ask_for_a_page(scene)
    paying.pay_on_the_page(scene)
    earning.tell_of_a_bank(scene)
    for worker in WORKERS:
        worker(scene)
    earning.earn(scene)
