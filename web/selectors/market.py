"""The market page's public part: an instrument, its book and its tape."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.errors import Code, CuxError
from core.money import mul_div_floor
from cux.wire.market import IndexView, StatsView
from cux.wire.orders import TradeView
from exchange.models import Instrument
from exchange.selectors.book import BookSnapshot, Level, book_snapshot
from exchange.selectors.index import index_newest
from exchange.selectors.instruments import instrument_list
from exchange.selectors.stats import market_stats
from exchange.selectors.trades import trades_recent
from web.figures import usd_per_cu
from web.selectors.auction import AuctionPanel, auction_panel

INTERVALS: Final = ("1m", "5m", "15m", "1h", "4h", "1d")
"""Lengths of a candle that the page offers."""
DEPTH: Final = 12
TRADES: Final = 30


@dataclass(frozen=True, slots=True)
class LadderRow:
    """A price level: its lots, those up to it, and both as whole percents of the deeper side."""

    price_ticks: int
    usd_per_cu: str
    quantity_lots: int
    total_lots: int
    share_percent: int


@dataclass(frozen=True, slots=True)
class TapeRow:
    """A trade with its price in dollars."""

    trade: TradeView
    usd_per_cu: str

    @property
    def is_printed(self) -> bool:
        """Tell whether the trade makes a price: last, volume, candles and index leave the others out."""
        return not self.marks

    @property
    def marks(self) -> str:
        """Say why the trade is not printed; empty if it is."""
        trade = self.trade
        flags = (
            (trade.is_self, "with itself"),
            (trade.is_selective, "chosen provider"),
            (trade.is_resale, "resale"),
            (trade.is_busted, "busted"),
        )
        return ", ".join(words for flag, words in flags if flag)


@dataclass(frozen=True, slots=True)
class MarketView:
    """What anyone sees of a market. `asks` are best first."""

    instrument: Instrument
    instruments: list[Instrument]
    book: BookSnapshot
    bids: list[LadderRow]
    asks: list[LadderRow]
    tape: list[TapeRow]
    spread_ticks: int | None
    stats: StatsView
    index: IndexView | None
    auction: AuctionPanel | None
    intervals: tuple[str, ...] = INTERVALS

    @property
    def volume_lots(self) -> int:
        """Return what traded in the last 24 hours."""
        return self.stats.volume_lots

    @property
    def opened_usd_per_cu(self) -> str:
        """Return the first price of the last 24 hours in dollars."""
        return usd_per_cu(self.instrument, self.stats.open_ticks or 0)

    @property
    def spread_usd_per_cu(self) -> str:
        """Return the spread in dollars."""
        return usd_per_cu(self.instrument, self.spread_ticks or 0)

    @property
    def last(self) -> TapeRow | None:
        """Return the newest printed trade on the tape."""
        return next((row for row in self.tape if row.is_printed), None)

    @property
    def move(self) -> str:
        """Tell where the last printed trade took the price: `up`, `down` or `same`."""
        prices = [row.trade.price_ticks for row in self.tape if row.is_printed][:2]
        if len(prices) < 2 or prices[0] == prices[1]:
            return "same"
        return "up" if prices[0] > prices[1] else "down"


def instrument_of(symbol: str | None) -> Instrument:
    """Return the instrument of this symbol, by default the one for spot delivery that was listed first.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT.
    """
    known = instrument_list()
    # Ids are in the order of their making.
    known.sort(key=lambda instrument: (instrument.delivery != Instrument.Delivery.SPOT, instrument.id))
    for instrument in known:
        if symbol in (None, instrument.symbol):
            return instrument
    raise CuxError(Code.UNKNOWN_INSTRUMENT, param="instrument")


def market_view(*, symbol: str | None, now: datetime) -> MarketView:
    """Return what the page shows. Raises CuxError UNKNOWN_INSTRUMENT."""
    instrument = instrument_of(symbol)
    book = book_snapshot(symbol=instrument.symbol, depth=DEPTH)
    deepest = max(_lots(book.bids), _lots(book.asks), 1)
    return MarketView(
        instrument=instrument,
        instruments=instrument_list(),
        book=book,
        bids=_ladder(instrument, book.bids, deepest),
        asks=_ladder(instrument, book.asks, deepest),
        tape=_tape(instrument),
        spread_ticks=_spread_ticks(book),
        stats=market_stats(symbol=instrument.symbol, now=now),
        index=index_newest(instrument.compute_class_id),
        auction=auction_panel(instrument, book),
    )


def _spread_ticks(book: BookSnapshot) -> int | None:
    """Return the spread; None if a side is empty, or both cross while an auction gathers them."""
    if not book.asks or not book.bids:
        return None
    ticks = book.asks[0].price_ticks - book.bids[0].price_ticks
    return ticks if ticks > 0 else None


def _lots(levels: Sequence[Level]) -> int:
    return sum(level.quantity_lots for level in levels)


def _ladder(instrument: Instrument, levels: Sequence[Level], deepest: int) -> list[LadderRow]:
    rows = []
    total = 0
    for level in levels:
        total += level.quantity_lots
        rows.append(
            LadderRow(
                price_ticks=level.price_ticks,
                usd_per_cu=usd_per_cu(instrument, level.price_ticks),
                quantity_lots=level.quantity_lots,
                total_lots=total,
                share_percent=mul_div_floor(total, 100, deepest),
            )
        )
    return rows


def _tape(instrument: Instrument) -> list[TapeRow]:
    trades = trades_recent(symbol=instrument.symbol, limit=TRADES)
    return [TapeRow(trade, usd_per_cu(instrument, trade.price_ticks)) for trade in trades]
