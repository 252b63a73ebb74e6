"""The book in the rows is the book the sequencer tells, whatever kinds of orders are in it."""

import json

import pytest

from cux.wire.live_book import LiveBook
from exchange.models import MarketEvent
from exchange.selectors.book import BookSnapshot, book_snapshot
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetPhase
from tests.sequencer_market import Market, make_market

pytestmark = pytest.mark.usefixtures("exchange")


def told(market: Market) -> LiveBook:
    """Return the book that the market's events add up to."""
    book = LiveBook()
    for row in MarketEvent.objects.filter(instrument=market.instrument).order_by("sequence"):
        event = json.loads(row.payload)
        book.change(event["levels"])
        assert event.get("crc", book.checksum()) == book.checksum()
    return book


def both(book: BookSnapshot) -> list[list[tuple[int, int]]]:
    """Return bids and asks of a committed book."""
    return [[(row.price_ticks, row.quantity_lots) for row in side] for side in (book.bids, book.asks)]


def agreed(market: Market) -> list[list[tuple[int, int]]]:
    """Return the book, on which rows and events agree."""
    rows = both(book_snapshot(symbol=market.instrument.symbol, depth=None))
    events = told(market)
    assert rows == [events.bids(events.size), events.asks(events.size)]
    return rows


def test_of_an_iceberg_the_slice_is_shown():
    market = make_market()
    market.sell(2_000, 50, display_lots=10)
    market.sell(2_000, 4)
    assert agreed(market) == [[], [(2_000, 14)]]
    market.buy(2_000, 3)
    assert agreed(market) == [[], [(2_000, 11)]]
    market.buy(2_000, 9)  # the slice is gone: another one comes, behind the four lots
    assert agreed(market) == [[], [(2_000, 2 + 10)]]
    market.buy(2_000, 100)
    assert agreed(market) == [[(2_000, 58)], []]


def test_orders_of_every_kind_and_phase_keep_rows_and_events_together():
    market = make_market()
    market.sell(2_010, 30, display_lots=7)
    iceberg = market.buy(1_990, 25, display_lots=5)
    market.sell(1_990, 6)
    assert market.replace(market.buyer, iceberg, 1_991, 12).status == 200
    market.buy(2_010, 8, tif="IOC")
    agreed(market)
    assert submit_sync(SetPhase(market.instrument.symbol, "pre_open")).status == 200
    market.buy(2_020, 40, display_lots=4)
    market.sell(1_980, 9)
    assert agreed(market)[0][0] == (2_020, 4)
    market.cancel(market.buyer, iceberg)
    assert [len(side) for side in agreed(market)] == [1, 2]
