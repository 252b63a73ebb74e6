"""What streams add up to: a live book that is checked, and a live account. No I/O.

A reader takes the events of one stream, over any number of connections, and returns what there is to see
after each. One that finds a gap or another checksum raises OutOfStepError; it takes a new snapshot next.
"""

from typing import Protocol, TypeVar

import msgspec

from cux.client.call import parse
from cux.client.errors import OutOfStepError
from cux.client.sse import Event
from cux.client.views import Account, Balances, Book, Market, Order
from cux.wire.live_book import LiveBook
from cux.wire.orders import BalanceView, OrderView, Phase, TradeView
from cux.wire.streams import AccountDelta, AuctionNews, MarketDelta, MarketSnapshot

T_co = TypeVar("T_co", covariant=True)


class Reader(Protocol[T_co]):
    """Takes the events of a stream."""

    def take(self, event: Event) -> T_co:
        """Return what there is to see after an event. Raises OutOfStepError, InvalidAnswerError."""


class BookStream:
    """A market's book as its stream tells it, verified by the exchange's checksums.

    After each event `seq`, `phase`, `auction` and `book` (every level) are as the exchange has them;
    `verified_seq` is the last event whose checksum fitted. Trades are handed out once.
    """

    def __init__(self, instrument: str, *, depth: int = 20) -> None:
        """Show `depth` levels a side in what `take` returns."""
        self.instrument = instrument
        self.book = LiveBook()
        self.seq = 0
        self.verified_seq = 0
        self.phase: Phase = "closed"
        self.auction: AuctionNews | None = None
        self._depth = depth
        self._trade_seq = 0

    def take(self, event: Event) -> Market:
        """Return the market after an event: the best levels, and trades not handed out before."""
        busts: list[TradeView] = []
        if event.name == "snapshot":
            trades = self._start(parse(event.data, MarketSnapshot))
        else:
            delta = parse(event.data, MarketDelta)
            trades, busts = self._change(delta), delta.busts
        fresh = [trade for trade in trades if trade.seq > self._trade_seq]
        self._trade_seq = max((trade.seq for trade in fresh), default=self._trade_seq)
        return Market(book=self._shown(), trades=fresh, busts=busts, auction=self.auction)

    def _start(self, snapshot: MarketSnapshot) -> list[TradeView]:
        self.book = LiveBook(snapshot.bids, snapshot.asks)
        self.seq, self.phase, self.auction = snapshot.seq, snapshot.phase, snapshot.auction
        self._verify(snapshot.crc)
        return snapshot.trades

    def _change(self, delta: MarketDelta) -> list[TradeView]:
        _check_follows(self.seq, delta.seq)
        self.book.change(delta.levels)
        self.seq, self.phase = delta.seq, delta.phase or self.phase
        self.auction = delta.auction or self.auction
        if delta.crc is not None:
            self._verify(delta.crc)
        return delta.trades[::-1]

    def _verify(self, crc: int) -> None:
        if self.book.checksum() != crc:
            raise OutOfStepError(f"The book of {self.instrument} differs from the exchange's at {self.seq}.")
        self.verified_seq = self.seq

    def _shown(self) -> Book:
        bids, asks = self.book.bids(self._depth), self.book.asks(self._depth)
        return Book(instrument=self.instrument, seq=self.seq, phase=self.phase, bids=bids, asks=asks)


class _AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    balances: Balances
    open_orders: list[Order]


class AccountStream:
    """An account's money and open orders as its stream tells them."""

    def __init__(self) -> None:
        """Know nothing until the first snapshot."""
        self.seq = 0
        self._wallet = BalanceView(posted_nano_usd=0, held_nano_usd=0, available_nano_usd=0)
        self._open: dict[str, OrderView] = {}

    def take(self, event: Event) -> Account:
        """Return the account after an event, and the event itself unless it was a snapshot."""
        if event.name == "snapshot":
            snapshot = parse(event.data, _AccountSnapshot)
            self.seq, self._wallet = snapshot.seq, snapshot.balances
            self._open = {order.order_id: order for order in reversed(snapshot.open_orders)}
            return self._shown(None)
        delta = parse(event.data, AccountDelta)
        _check_follows(self.seq, delta.seq)
        self.seq = delta.seq
        self._wallet = delta.wallet or self._wallet
        if delta.order is not None:
            self._open.pop(delta.order.order_id, None)
            if delta.order.status in ("open", "partially_filled"):
                self._open[delta.order.order_id] = delta.order
        return self._shown(delta)

    def _shown(self, delta: AccountDelta | None) -> Account:
        wallet = BalanceView(
            posted_nano_usd=self._wallet.posted_nano_usd,
            held_nano_usd=self._wallet.held_nano_usd,
            available_nano_usd=self._wallet.available_nano_usd,
        )
        return Account(seq=self.seq, wallet=wallet, open_orders=list(self._open.values()), event=delta)


def _check_follows(seq: int, next_seq: int) -> None:
    if next_seq != seq + 1:
        raise OutOfStepError(f"Event {next_seq} came after {seq}.")
