"""What the detectors read, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SECOND_US: Final = 1_000_000
REFERENCES_MAX: Final = 20
"""How many trades or orders a finding names; its figures count all."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order that entered in the period. `end` is why it was cancelled, empty if it was not."""

    id: str
    instrument: str
    account: str
    side: str
    quantity_lots: int
    traded_lots: int
    entered_us: int
    ended_us: int
    end: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade of the period. `auction` is the auction that made it, empty in continuous trading."""

    id: str
    instrument: str
    at_us: int
    price_ticks: int
    quantity_lots: int
    buyer: str
    seller: str
    buy_order: str
    sell_order: str
    auction: str = ""


@dataclass(frozen=True, slots=True)
class Auction:
    """An auction that ended in the period with a price; from `no_cancel_us` on its orders had to stay."""

    id: str
    instrument: str
    no_cancel_us: int
    ended_us: int
    reference_ticks: int
    price_ticks: int
    volume_lots: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many orders, replacements and cancellations an account sent in the period."""

    account: str
    messages: int


@dataclass(frozen=True, slots=True)
class Tape:
    """All of a period. Trades in the order in which they happened."""

    orders: Sequence[Order] = ()
    trades: Sequence[Trade] = ()
    auctions: Sequence[Auction] = ()
    traffic: Sequence[Traffic] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A pattern: whose, where, from when to when, its figures, and some of its trades or orders."""

    kind: str
    instrument: str
    accounts: tuple[str, ...]
    from_us: int
    to_us: int
    figures: dict[str, int]
    references: tuple[str, ...] = ()
