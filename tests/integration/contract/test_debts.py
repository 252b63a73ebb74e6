"""What is owed for disputed payments comes out of the wallet by the sequencer; orders keep their holds."""

import uuid

import pytest

from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import balances
from billing.selectors.debts import debt_of, debtors
from core.clock import utc_now
from core.outbox import outbox_add
from core.retry import transact
from exchange.services.debts_pull import debt_pull, debts_pull
from tests.integration.billing.books import CASH, entry, post
from tests.integration.contract.books import at_once, drain
from tests.sequencer_market import LOT_PRICE, Market, make_market, wallet


@pytest.fixture
def market(exchange) -> Market:
    """A market whose buyer has 10 dollars in its wallet, and 1 on the way."""
    drain()
    return make_market()


def owe(who: uuid.UUID, amount: int) -> None:
    """Have an organisation owe something."""
    post(entry((of_organisation(Kind.DISPUTE_DEBT, who), CASH, amount)))


def funding(who: uuid.UUID) -> int:
    account = of_organisation(Kind.FUNDING, who)
    return balances([account])[account].posted


def test_a_debt_is_taken_from_the_wallet_and_repaid(market):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    assert who in debtors()
    assert debt_pull(organisation_id=who, now=utc_now()) == 4_000_000_000
    assert (wallet(market.buyer), funding(who), debt_of(who)) == ((6_000_000_000, 0), 0, 0)
    assert debt_pull(organisation_id=who, now=utc_now()) == 0
    assert who not in debtors()


def test_more_is_owed_than_is_free_and_open_orders_keep_what_they_hold(market):
    who = market.buyer.id
    assert market.buy(1_000, 2_000).status == 201
    held = 1_000 * 2_000 * LOT_PRICE
    owe(who, 30_000_000_000)
    assert debt_pull(organisation_id=who, now=utc_now()) == 10_000_000_000 - held
    assert (wallet(market.buyer), debt_of(who)) == ((held, held), 20_000_000_000 + held)


def test_pulls_at_once_repay_once(market):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    at_once([lambda: debt_pull(organisation_id=who, now=utc_now())] * 3)
    debts_pull(now=utc_now())
    transact(lambda: outbox_add(topic="debt.pull", payload={"organisation_id": str(who)}))
    drain()
    assert debt_of(who) == 0
    assert wallet(market.buyer)[0] + funding(who) == 6_000_000_000
