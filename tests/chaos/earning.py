"""What people who earn do, their banks, and operators."""

import uuid

from billing.ledger.chart import Kind, of_organisation
from billing.models import Payee, Payout
from billing.selectors.balances import balances
from billing.services.payee_onboard import payee_onboard, payee_refresh
from billing.services.payout_decide import payout_decide
from billing.services.payout_release import payout_release, payout_release_request
from billing.services.payout_step import payout_step
from core.money import NANO_PER_USD
from tests.chaos.scene import Scene
from tests.chaos.wallets import messages_arrive
from tests.integration.billing import payout_world
from tests.stripe import GOOD_BANK

BANKS = (GOOD_BANK, GOOD_BANK, "000999999991", payout_world.FAILING_BANK)


def tell_of_a_bank(scene: Scene) -> None:
    """Somebody fills in Stripe's page, or changes their bank there."""
    who = scene.provider()
    _, url = payee_onboard(
        organisation_id=who,
        country="US",
        return_url="http://127.0.0.1/done",
        refresh_url="http://127.0.0.1/again",
        link_key=f"chaos:{uuid.uuid4()}",
        now=scene.now(),
    )
    scene.double.onboard(url, account_number=scene.chance.choice(BANKS))
    if scene.chance.random() < 0.7:  # the page leads back to us, and we look
        payee_refresh(organisation_id=who, now=scene.now())


def earn(scene: Scene) -> None:
    """Somebody earns: out of a wallet, part of it held back, or money that came by no card."""
    messages_arrive(scene.now())
    provider, payer = scene.provider(), scene.payer()
    wallet = of_organisation(Kind.WALLET, payer)
    has = balances([wallet])[wallet].available
    amount = min(has, scene.chance.randrange(1, 80 * NANO_PER_USD))
    if amount > 1 and scene.chance.random() < 0.7:
        held_back = amount // 10 if scene.chance.random() < 0.3 else 0
        payout_world.earn(provider, payer, amount - held_back, held_back)
    else:
        payout_world.give(provider, scene.chance.randrange(10, 60) * NANO_PER_USD + 1)


def ask_for_payout(scene: Scene) -> None:
    """Somebody wants what they have earned."""
    payout = payout_decide(organisation_id=scene.provider(), now=scene.now())
    payout_step(payout_id=payout.id, now=scene.now())


def release(scene: Scene) -> None:
    """Two operators release a payout that was blocked."""
    blocked = Payout.objects.filter(payee__organisation_id__in=scene.providers, state="blocked").first()
    if blocked is not None:
        payout_release_request(payout_id=blocked.id, requested_by="ada", reason="seen", now=scene.now())
        payout_release(payout_id=blocked.id, approved_by="grace", now=scene.now())


def bank_returns_payout(scene: Scene) -> None:
    """A bank does not take a payout, also one that had arrived."""
    sent = Payout.objects.filter(
        payee__organisation_id__in=scene.providers, stripe_payout_id__isnull=False
    ).last()
    if sent is not None:
        scene.double.attempt(f"payouts/{sent.stripe_payout_id}/fail", code="account_closed")


def transfer_taken_back(scene: Scene) -> None:
    """Stripe takes a transfer back from an account, also one whose bank was paid."""
    sent = Payout.objects.filter(payee__organisation_id__in=scene.providers, transfer_id__isnull=False)
    chosen = scene.chance.choice(list(sent.order_by("id"))) if sent.exists() else None
    if chosen is not None:
        scene.double.attempt(f"transfers/{chosen.transfer_id}/reverse")


def requirement(scene: Scene) -> None:
    """Stripe wants to know more of somebody, or has been told."""
    payee = Payee.objects.filter(organisation_id__in=scene.providers, details_submitted=True).first()
    if payee is not None:
        fields = scene.chance.choice(([], [], ["individual.verification.document"]))
        scene.double.attempt(f"accounts/{payee.stripe_account_id}/require", fields=fields)


def house_tops_up(scene: Scene) -> None:
    """The house sends money of its own to Stripe."""
    scene.top_up(scene.chance.randrange(1_000, 20_000))
