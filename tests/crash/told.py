"""What markets and accounts were told, over every restart: nothing left out, nothing twice, all true."""

import json

import msgspec

from core.ids import public_id
from core.snapshots import one_snapshot
from cux.wire.live_book import LiveBook
from cux.wire.streams import MarketChange
from exchange.models import AccountEvent, MarketEvent, Trade
from exchange.selectors.book import book_snapshot
from tests.sequencer_market import Market

EVERY_LEVEL = 1_000_000


def assert_told(market: Market) -> None:
    """Assert that the market's events give its book and its trades, and both accounts' their fills."""
    symbol = market.instrument.symbol
    with one_snapshot():
        shown = book_snapshot(symbol=symbol, depth=None)
        events = MarketEvent.objects.filter(instrument=market.instrument).order_by("sequence")
        changes = [
            (event.sequence, msgspec.json.decode(event.payload, type=MarketChange)) for event in events
        ]
        traded = Trade.objects.filter(instrument=market.instrument).order_by("sequence")
        trades = [public_id("trade", id) for id in traded.values_list("id", flat=True)]
        fills = {who.id: _fills(who.id) for who in (market.buyer, market.seller)}
    assert [sequence for sequence, _ in changes] == list(range(1, shown.sequence + 1))
    book = LiveBook()
    for _, change in changes:
        book.change(change.levels)
        assert change.crc in (None, book.checksum())
    assert book.bids(EVERY_LEVEL) == [(level.price_ticks, level.quantity_lots) for level in shown.bids]
    assert book.asks(EVERY_LEVEL) == [(level.price_ticks, level.quantity_lots) for level in shown.asks]
    assert [trade.trade_id for _, change in changes for trade in change.trades] == trades
    assert list(fills.values()) == [trades, trades]


def _fills(organisation_id: object) -> list[str]:
    """Return the trades that an account was told of, and see that its events have no gap."""
    events = AccountEvent.objects.filter(organisation_id=organisation_id).order_by("sequence")
    rows = list(events.values_list("sequence", "payload"))
    assert [sequence for sequence, _ in rows] == list(range(1, len(rows) + 1))
    told = [json.loads(payload) for _, payload in rows]
    return [event["trade"]["trade_id"] for event in told if event["type"] == "fill"]
