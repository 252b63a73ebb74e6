"""Undoing a trade: two operators, one entry that takes everything back, and nothing if it was used."""

import msgspec
import pytest
from django.db import transaction

from core.clock import rfc3339, utc_now
from core.errors import Code
from cux.wire.streams import AccountDelta, MarketChange
from exchange.models import AccountEvent, Bust, Entitlement, MarketEvent, Trade
from exchange.selectors.orders import order_list
from exchange.services.trade_bust import bust_approve, bust_request
from tests.integration.contract.books import (
    FEES,
    Books,
    buy,
    drain,
    draw,
    entitlement_figures,
    refusal_of,
    release,
    reserve,
)
from tests.integration.contract.resale import another_buyer, buy_on, holdings, sell_on
from tests.races import race
from tests.sequencer_market import make_market


@pytest.fixture
def market(exchange):
    """A market beside which nothing waits in the outbox."""
    drain()
    return make_market(**FEES)


def account_delta(row: AccountEvent) -> AccountDelta:
    """Return an event as the stream sends it."""
    body = msgspec.json.decode(row.payload) | {"seq": row.sequence, "at": rfc3339(row.at)}
    return msgspec.convert(body, AccountDelta)


def ask(row: Entitlement) -> Bust:
    return bust_request(trade_id=row.trade_id, requested_by="key_1", reason="typo", now=utc_now())


def approve(row: Entitlement, who: str = "key_2") -> Bust:
    return bust_approve(trade_id=row.trade_id, approved_by=who, now=utc_now())


def test_a_bust_takes_price_fees_escrow_and_compute_back(market):
    books = Books(market)
    row = buy(market, 1_999, 13)
    trade = Trade.objects.values().get(id=row.trade_id)
    assert ask(row).busted_at is None
    assert books.changes()["buyer_wallet"] < 0
    assert approve(row).approved_by == "key_2"
    drain()
    assert books.changes() == {}
    assert entitlement_figures(row) == (0, 0, 0, 0)
    (order,) = order_list(organisation_id=market.buyer.id)
    assert [each.is_busted for each in order.trades] == [True]
    assert Entitlement.objects.get(id=row.id).state == "busted"
    assert Trade.objects.values().get(id=row.trade_id) == trade
    assert refusal_of(lambda: reserve(market, 100)) is Code.INSUFFICIENT_ENTITLEMENT


def test_market_and_both_sides_are_told_once(market):
    buy(market, 1_500, 1)
    row = buy(market, 1_999, 13)
    ask(row)
    approve(row)
    drain()
    drain()
    trade_id = f"trd_{row.trade_id.hex}"
    told = MarketEvent.objects.filter(instrument=market.instrument)
    changes = [msgspec.json.decode(event.payload, type=MarketChange) for event in told]
    busts = [each for change in changes for each in change.busts]
    assert [(each.trade_id, each.is_busted, each.price_ticks) for each in busts] == [(trade_id, True, 1_999)]
    for who, role in ((market.buyer, "taker"), (market.seller, "maker")):
        rows = AccountEvent.objects.filter(organisation=who)
        busts = [row for row in map(account_delta, rows) if row.type == "bust"]
        assert [(each.trade and each.trade.trade_id, each.trade and each.trade.role) for each in busts] == [
            (trade_id, role)
        ]


def test_approving_twice_does_it_once(market):
    books = Books(market)
    row = buy(market, 1_999, 13)
    ask(row)
    first = approve(row)
    assert approve(row, "key_3").busted_at == first.busted_at
    assert ask(row).approved_by == "key_2"
    drain()
    assert books.changes() == {}


def test_two_who_approve_at_once_do_it_once(market):
    books = Books(market)
    row = buy(market, 1_999, 13)
    ask(row)

    def approval(who: str):
        undurable = transaction.atomic(bust_approve.__wrapped__)
        return lambda: undurable(trade_id=row.trade_id, approved_by=who, now=utc_now())

    first, second = race(approval("key_2"), approval("key_3"))
    drain()
    assert (second.approved_by, second.busted_at) == ("key_2", first.busted_at)
    assert books.changes() == {}


def test_nobody_approves_alone_or_unasked(market):
    row = buy(market, 1_999, 13)
    assert refusal_of(lambda: approve(row)) is Code.NOT_FOUND
    ask(row)
    books = Books(market)
    assert refusal_of(lambda: approve(row, "key_1")) is Code.SAME_OPERATOR
    assert books.changes() == {}
    assert Entitlement.objects.get(id=row.id).state == "live"
    assert Bust.objects.get(trade_id=row.trade_id).busted_at is None


def test_what_was_used_is_not_undone(market):
    row = buy(market, 1_999, 13)
    ask(row)
    parts = reserve(market, 100)
    figures, books = entitlement_figures(row), Books(market)
    assert refusal_of(lambda: approve(row)) is Code.TRADE_NOT_BUSTABLE
    release(parts)
    draw(reserve(market, 1), 1)
    books = Books(market)
    assert refusal_of(lambda: approve(row)) is Code.TRADE_NOT_BUSTABLE
    assert books.changes() == {}
    assert entitlement_figures(row)[0] == figures[0] - 1
    assert Entitlement.objects.get(id=row.id).state == "live"


def test_what_was_offered_or_sold_on_and_resales_are_not_undone(market):
    row = buy(market, 1_999, 13)
    offer = sell_on(row, 2_000, 5)
    assert refusal_of(lambda: ask(row)) is Code.TRADE_NOT_BUSTABLE
    second = another_buyer()
    buy_on(market, second, 2_000, 2)
    market.cancel(market.buyer, offer)
    assert refusal_of(lambda: ask(row)) is Code.TRADE_NOT_BUSTABLE
    (got,) = holdings(second)
    assert refusal_of(lambda: ask(got)) is Code.TRADE_NOT_BUSTABLE
    assert not Bust.objects.filter(trade__instrument=market.instrument).exists()
