"""Market streams: book by level, trades, phase and auction of one instrument, for all who watch it."""

import uuid
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from api.http import event
from core.clock import rfc3339
from core.threads import in_thread
from cux.wire.live_book import LiveBook
from cux.wire.orders import Phase, TradeView
from cux.wire.streams import AuctionNews, MarketChange, MarketSnapshot
from exchange.selectors.events import RECENT_TRADES, Told, market_events, market_state

_decode: Final = msgspec.json.Decoder(MarketChange).decode


class MarketSource:
    """A market as its events leave it, checked against the checksums that they carry."""

    def __init__(self, symbol: str) -> None:
        """Follow the instrument of this symbol."""
        self._symbol = symbol
        self._instrument_id = uuid.UUID(int=0)
        self._sequence = 0
        self._book = LiveBook()
        self._phase: Phase = "continuous"
        self._auction: AuctionNews | None = None
        self._trades: deque[TradeView] = deque(maxlen=RECENT_TRADES)
        self._sent: dict[str | None, bytes] = {}

    async def load(self) -> int:
        """Read book, tape, phase and auction as of one moment."""
        state = await in_thread(market_state, self._symbol)
        book = state.book
        self._instrument_id = state.instrument_id
        self._sequence = book.sequence
        self._phase = msgspec.convert(book.phase, Phase)
        self._auction = state.auction
        self._trades = deque(state.trades, maxlen=RECENT_TRADES)
        sides = (((row.price_ticks, row.quantity_lots) for row in side) for side in (book.bids, book.asks))
        self._book = LiveBook(*sides)
        self._sent = {}
        return self._sequence

    async def read(self, after: int, limit: int) -> Sequence[Told]:
        """Return the market's events after this number."""
        return await in_thread(market_events, instrument_id=self._instrument_id, after=after, limit=limit)

    def apply(self, told: Told) -> None:
        """Take an event into the market. Raises ValueError if the book is not what the sequencer has."""
        change = _decode(told.payload)
        self._book.change(change.levels)
        self._trades.extendleft(change.trades)
        self._phase = change.phase or self._phase
        self._auction = change.auction or self._auction
        self._sequence = told.sequence
        self._sent = {}
        if change.crc is not None and change.crc != self._book.checksum():
            raise ValueError(f"the book of {self._symbol} differs from the sequencer's at {told.sequence}")

    def frame(self, told: Told) -> bytes:
        """Return the event as it was written, with its number and time."""
        number = told.sequence
        head = f'id: {number}\nevent: delta\ndata: {{"seq":{number},"at":"{rfc3339(told.at)}",'
        return f"{head}{told.payload[1:]}\n\n".encode()

    async def snapshot(self, reason: str | None) -> tuple[int, bytes]:
        """Return the market as it is; encoded once for all who come between two events."""
        if reason not in self._sent:
            size = self._book.size
            view = MarketSnapshot(
                instrument=self._symbol,
                seq=self._sequence,
                phase=self._phase,
                bids=self._book.bids(size),
                asks=self._book.asks(size),
                trades=list(self._trades),
                crc=self._book.checksum(),
                auction=self._auction,
                reason=None if reason is None else "resync",
            )
            self._sent[reason] = event(view, name="snapshot", event_id=str(self._sequence))
        return self._sequence, self._sent[reason]
