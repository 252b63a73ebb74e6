"""What is owed for disputed payments comes out of the wallet by the sequencer; orders keep their holds."""

import uuid

import pytest

from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import balances
from billing.selectors.debts import debt_of, debtors
from core.clock import utc_now
from core.outbox import outbox_add
from core.retry import transact
from exchange.locks import debtor_turn
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Defund, Verdict
from exchange.services.debts_pull import debt_pull, debts_pull
from tests.integration.billing.books import CASH, entry, post
from tests.integration.contract.books import at_once, drain, give
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
    assert (wallet(market.buyer)[0], funding(who)) == (6_000_000_000, 0)


def test_what_is_repaid_while_the_wallet_gives_goes_back_and_other_funding_stays(market, monkeypatch):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    give(of_organisation(Kind.FUNDING, who), 1_000_000_000)
    asked = []

    def repaid_meanwhile(command: Defund) -> Verdict:
        verdict = submit_sync(command)
        asked.append(command.amount_nano_usd)
        post(entry((CASH, of_organisation(Kind.DISPUTE_DEBT, who), 2_500_000_000)))
        return verdict

    monkeypatch.setattr("exchange.services.debts_pull.submit_sync", repaid_meanwhile)
    assert debt_pull(organisation_id=who, now=utc_now()) == 1_500_000_000
    drain()
    assert asked == [3_000_000_000], "funding has the rest"
    assert (wallet(market.buyer)[0], funding(who), debt_of(who)) == (9_500_000_000, 0, 0)


def test_funding_that_no_pull_brought_is_not_sent_to_the_wallet(market, monkeypatch):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    give(of_organisation(Kind.FUNDING, who), 1_000_000_000)

    def repaid_meanwhile(command: Defund) -> Verdict:
        post(entry((CASH, of_organisation(Kind.DISPUTE_DEBT, who), 4_000_000_000)))
        return submit_sync(command)

    monkeypatch.setattr("exchange.services.debts_pull.submit_sync", repaid_meanwhile)
    assert debt_pull(organisation_id=who, now=utc_now()) == 0
    drain()
    assert (wallet(market.buyer)[0], funding(who), debt_of(who)) == (10_000_000_000, 1_000_000_000, 0)


def test_while_one_pull_goes_on_another_does_nothing(market):
    who = market.buyer.id
    owe(who, 4_000_000_000)
    with debtor_turn(organisation_id=who):
        assert at_once([lambda: debt_pull(organisation_id=who, now=utc_now())] * 2) == [0, 0]
    assert (wallet(market.buyer)[0], funding(who)) == (10_000_000_000, 0)
    assert debt_pull(organisation_id=who, now=utc_now()) == 4_000_000_000, "the turn was given back"
