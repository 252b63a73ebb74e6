"""What is owed for disputed payments comes out of the wallet by the sequencer; orders keep their holds."""

import uuid
from datetime import timedelta

import pytest
from django.db import transaction

from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import balances
from billing.selectors.debts import debt_of, debtors
from core.clock import utc_now
from core.errors import Code, CuxError
from core.models import OutboxMessage
from core.outbox import RETRY_MAX, outbox_add, outbox_drain
from core.retry import transact
from exchange.locks import debtor_turn
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Defund, Verdict
from exchange.services.debts_pull import debt_pull, debts_pull
from exchange.tasks import OUTBOX_HANDLERS
from tests.integration.billing.books import CASH, entry, post
from tests.integration.contract.books import at_once, drain, give
from tests.sequencer_market import LOT_PRICE, Market, make_market, wallet


@pytest.fixture
def market(exchange) -> Market:
    """A market whose buyer has 10 dollars in its wallet, and 1 on the way."""
    drain()
    return make_market()


def under_way(who: uuid.UUID) -> list[OutboxMessage]:
    """Return what is not delivered yet for an organisation."""
    unsent = OutboxMessage.objects.filter(payload__organisation_id=str(who), sent_at=None)
    return list(unsent.filter(topic__in=["wallet.defund", "debt.pulled"]))


def owe(who: uuid.UUID, amount: int) -> None:
    """Have an organisation owe something."""
    post(entry((of_organisation(Kind.DISPUTE_DEBT, who), CASH, amount)))


def pull(who: uuid.UUID, later: timedelta = timedelta()) -> None:
    """Collect a debt, and let the messages that go with it be delivered; those that rest only later."""
    debt_pull(organisation_id=who, now=utc_now())
    outbox_drain(OUTBOX_HANDLERS, utc_now() + later)


def funding(who: uuid.UUID) -> int:
    account = of_organisation(Kind.FUNDING, who)
    return balances([account])[account].posted


def test_a_debt_is_taken_from_the_wallet_and_repaid(market):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    assert who in debtors()
    pull(who)
    assert (wallet(market.buyer), funding(who), debt_of(who)) == ((6_000_000_000, 0), 0, 0)
    pull(who)
    assert who not in debtors()
    assert (wallet(market.buyer), funding(who)) == ((6_000_000_000, 0), 0)


def test_more_is_owed_than_is_free_and_open_orders_keep_what_they_hold(market):
    who = market.buyer.id
    assert market.buy(1_000, 2_000).status == 201
    held = 1_000 * 2_000 * LOT_PRICE
    owe(who, 30_000_000_000)
    pull(who)
    assert (wallet(market.buyer), debt_of(who)) == ((held, held), 20_000_000_000 + held)


def test_what_the_wallet_does_not_have_is_taken_out_of_funding_and_earnings_at_once(market):
    who = market.seller.id
    owe(who, 4_000_000_000)
    give(of_organisation(Kind.FUNDING, who), 1_000_000_000)
    give(of_organisation(Kind.EARNINGS, who), 2_000_000_000)
    assert debt_pull(organisation_id=who, now=utc_now()) == 3_000_000_000
    assert (funding(who), debt_of(who)) == (0, 1_000_000_000)


def test_pulls_at_once_repay_once(market):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    works = [lambda: debt_pull(organisation_id=who, now=utc_now()), drain]
    at_once(works * 3)
    debts_pull(now=utc_now())
    transact(lambda: outbox_add(topic="debt.pull", payload={"organisation_id": str(who)}))
    drain()
    assert debt_of(who) == 0
    assert (wallet(market.buyer)[0], funding(who)) == (6_000_000_000, 0)


def test_while_one_pull_is_under_way_another_does_nothing(market):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    with transaction.atomic():
        assert debtor_turn(organisation_id=who)
        assert at_once([lambda: debt_pull(organisation_id=who, now=utc_now())] * 2) == [0, 0]
    assert not under_way(who), "the turn was another's"
    for _ in range(3):
        debt_pull(organisation_id=who, now=utc_now())
        assert len(under_way(who)) == 1
    drain()
    assert (wallet(market.buyer)[0], funding(who), debt_of(who)) == (6_000_000_000, 0, 0)


# -- what comes late, and what became of the debt meanwhile


LOST, NOT_REACHED = "answer lost", "sequencer not reached"
MEANWHILE = [
    pytest.param(0, 0, id="still owed"),
    pytest.param(2_500_000_000, 0, id="repaid in part"),
    pytest.param(4_000_000_000, 0, id="repaid"),
    pytest.param(4_000_000_000, 1_500_000_000, id="repaid and owing anew"),
    pytest.param(0, 9_000_000_000, id="owing more than there is"),
]


def meanwhile(who: uuid.UUID, repaid: int, anew: int) -> None:
    """Have others repay a debt, and another arise."""
    if repaid:
        give(of_organisation(Kind.DISPUTE_DEBT, who), repaid)
    if anew:
        owe(who, anew)


def settled(who: uuid.UUID, market: Market, *, own: int, repaid: int, anew: int) -> None:
    """Require that all is where it belongs: the debt repaid, other funding first, the rest in the wallet."""
    for _ in range(2):  # what is owed anew takes another pull
        pull(who, later=RETRY_MAX)
    owed = 4_000_000_000 - repaid + anew
    from_wallet = min(10_000_000_000, max(0, owed - own))
    assert (wallet(market.buyer), funding(who), debt_of(who)) == (
        (10_000_000_000 - from_wallet, 0),
        max(0, own - owed),
        max(0, owed - own - 10_000_000_000),
    )


@pytest.mark.parametrize("own", [0, 1_000_000_000], ids=["nothing else", "other funding"])
@pytest.mark.parametrize(("repaid", "anew"), MEANWHILE)
@pytest.mark.parametrize("how", [LOST, NOT_REACHED])
def test_what_the_wallet_gives_late_goes_where_it_belongs(market, monkeypatch, how, repaid, anew, own):
    """The sequencer's answer does not come in time: it decided, or it will when it is asked again."""
    who = market.buyer.id
    owe(who, 4_000_000_000)
    give(of_organisation(Kind.FUNDING, who), own)

    def late(command: Defund) -> Verdict:
        if how == LOST:
            submit_sync(command)
        raise CuxError(Code.SEQUENCER_UNAVAILABLE)

    with monkeypatch.context() as patched:
        patched.setattr("exchange.services.wallet_defund.submit_sync", late)
        pull(who)
    assert funding(who) == own + (4_000_000_000 - own if how == LOST else 0)
    meanwhile(who, repaid, anew)
    settled(who, market, own=own, repaid=repaid, anew=anew)


@pytest.mark.parametrize(("repaid", "anew"), MEANWHILE)
def test_what_came_and_was_not_accounted_for_is_later(market, monkeypatch, repaid, anew):
    """Whoever was to repay with it dies; until another does, the debt changes."""
    who = market.buyer.id
    owe(who, 4_000_000_000)

    def dies(**_: object) -> int:
        raise RuntimeError("the process dies here")

    with monkeypatch.context() as patched:
        patched.setattr("exchange.services.debts_pull.debt_collect", dies)
        pull(who)
    assert (funding(who), [row.topic for row in under_way(who)]) == (4_000_000_000, ["debt.pulled"])
    meanwhile(who, repaid, anew)
    settled(who, market, own=0, repaid=repaid, anew=anew)


@pytest.mark.parametrize("round_", range(3))
def test_a_debt_repaid_at_the_very_moment_leaves_nothing_behind(market, round_):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    debt_pull(organisation_id=who, now=utc_now())
    done = at_once(
        [
            drain,
            lambda: give(of_organisation(Kind.DISPUTE_DEBT, who), 2_500_000_000),
            lambda: debt_pull(organisation_id=who, now=utc_now()),
        ]
    )
    pull(who, later=RETRY_MAX)  # what was refused rests before it is tried again
    # A debt is not repaid beyond what is owed: whoever comes second with that is refused, and nothing moved.
    by_others = 2_500_000_000 if done[1] is None else 0
    assert (wallet(market.buyer), funding(who), debt_of(who)) == ((6_000_000_000 + by_others, 0), 0, 0)
