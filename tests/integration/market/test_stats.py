"""The last 24 hours, and the book as it is shown."""

import pytest

from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import public_id
from cux.wire.market import StatsView
from exchange.models import MarketEvent
from exchange.selectors.book import Level, book_snapshot
from exchange.selectors.orders import TRADES_IN_LIST, order_get, order_list
from exchange.selectors.stats import market_stats
from exchange.selectors.trades import trades_recent
from tests.integration.market.tape import NOON, Tape, after

pytestmark = pytest.mark.usefixtures("scratch")
DAY_S = 86_400


def test_a_day_counts_from_exactly_24_hours_ago() -> None:
    tape = Tape()
    tape.trade(-1, 1_000, 99)
    tape.trade(0, 1_500, 99)  # exactly 24 h ago: not any more
    tape.trade(1, 2_000, 5)
    tape.trade(7, 1_900, 1)
    tape.trade(DAY_S, 2_001, 3)
    tape.unprinted(50, 9_000, 70)
    tape.order("buy", 1_950, 4)
    tape.order("sell", 2_050, 4)
    assert market_stats(symbol=tape.instrument.symbol, now=after(DAY_S)) == StatsView(
        instrument=tape.instrument.symbol,
        phase="continuous",
        as_of=rfc3339(after(DAY_S)),
        open_ticks=2_000,
        high_ticks=2_001,
        low_ticks=1_900,
        last_ticks=2_001,
        change_ppm=500,
        volume_lots=9,
        volume_ucu=900,
        turnover_nano_usd=(5 * 2_000 + 1_900 + 3 * 2_001) * 1_000,
        trades=3,
        best_bid_ticks=1_950,
        best_ask_ticks=2_050,
    )


def test_a_quiet_day_still_has_a_last_price() -> None:
    tape = Tape()
    tape.trade(0, 1_700, 2)
    stats = market_stats(symbol=tape.instrument.symbol, now=after(2 * DAY_S))
    assert (stats.last_ticks, stats.volume_lots, stats.trades) == (1_700, 0, 0)
    assert (stats.open_ticks, stats.high_ticks, stats.low_ticks, stats.change_ppm) == (None,) * 4
    assert (stats.best_bid_ticks, stats.best_ask_ticks) == (None, None)


def test_the_book_shows_what_is_displayed_and_says_after_which_event() -> None:
    tape = Tape()
    for sequence in (1, 2):
        MarketEvent.objects.create(instrument=tape.instrument, sequence=sequence, at=NOON, payload="{}")
    tape.order("buy", 1_990, 5)
    tape.order("buy", 1_990, 100, display_lots=10, slice_lots=4)
    tape.order("buy", 1_980, 1)
    tape.order("sell", 2_010, 3)
    tape.order("sell", 2_005, 8, entitlement_id=tape.trader.id)
    tape.order("sell", 2_000, 9, status="canceled")
    book = book_snapshot(symbol=tape.instrument.symbol)
    assert (book.phase, book.sequence) == ("continuous", 2)
    assert book.bids == (Level(1_990, 9, 2), Level(1_980, 1, 1))
    assert book.asks == (Level(2_010, 3, 1),)
    assert book_snapshot(symbol=tape.instrument.symbol, depth=1).bids == (Level(1_990, 9, 2),)


def test_the_book_of_an_unknown_instrument_is_refused() -> None:
    with pytest.raises(CuxError) as refused:
        book_snapshot(symbol="nothing")
    assert refused.value.code is Code.UNKNOWN_INSTRUMENT


def test_trades_are_paged_by_sequence_both_ways() -> None:
    tape = Tape()
    known = [tape.trade(second, 2_000, 1).sequence for second in range(5)]
    symbol = tape.instrument.symbol
    pages = {
        "newest": trades_recent(symbol=symbol, limit=2),
        "before": trades_recent(symbol=symbol, limit=2, before=known[3]),
        "after": trades_recent(symbol=symbol, limit=2, after=known[1]),
    }
    assert {name: [trade.seq for trade in page] for name, page in pages.items()} == {
        "newest": [known[4], known[3]],
        "before": [known[2], known[1]],
        "after": [known[2], known[3]],
    }


def test_a_list_of_orders_shows_the_newest_trades_of_each_and_no_more() -> None:
    tape = Tape()
    busy = tape.order("buy", 2_000, 1_000)
    trades = [tape.trade(second, 2_000, 1, buy_order=busy) for second in range(TRADES_IN_LIST + 2)]
    numbers = [trade.sequence for trade in trades]
    listed = {view.order_id: view for view in order_list(organisation_id=tape.trader.id, limit=200)}
    shown = listed[public_id("order", busy.id)].trades
    assert [trade.seq for trade in shown] == numbers[2:]
    assert {(trade.role, trade.order_id) for trade in shown} == {("taker", public_id("order", busy.id))}
    sold = listed[public_id("order", trades[0].sell_order_id)].trades
    assert [(trade.seq, trade.role) for trade in sold] == [(numbers[0], "maker")]
    alone = order_get(organisation_id=tape.trader.id, order_id=busy.id).trades
    assert [trade.seq for trade in alone] == numbers
