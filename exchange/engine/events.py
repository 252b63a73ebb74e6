"""What an engine answers: immutable events, in the order in which things happen.

A class and its fields are the event of the JSON-lines protocol, so that `as_protocol` is the one
conversion there is.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from exchange.engine.orders import Phase

Operation = Literal["new", "cancel", "expire", "replace", "phase", "indicative", "uncross"]
RejectReason = Literal[
    "invalid_qty",
    "invalid_price",
    "invalid_post_only",
    "invalid_display",
    "invalid_min_qty",
    "invalid_eligibility",
    "invalid_budget",
    "invalid_window",
    "invalid_tif",
    "phase",
    "duplicate_id",
    "unknown_order",
    "market_order",
    "not_improving",
    "post_only_would_take",
    "crossed_book",
]
CancelReason = Literal[
    "user", "expired", "ioc", "fok", "min_qty", "budget", "stp", "decrement", "market", "auction"
]
BookLevel: TypeAlias = tuple[int | None, int, list[str]]
"""Price in ticks (None: market orders), total lots, order ids in priority order."""


class Accepted(msgspec.Struct, frozen=True, gc=False, tag_field="ev", tag="accepted"):
    """A new order was taken on; what it trades and what becomes of the rest follows."""

    id: str


class Rejected(msgspec.Struct, frozen=True, gc=False, tag_field="ev", tag="rejected"):
    """A command was refused and changed nothing. `id` is there if the command names an order."""

    op: Operation
    reason: RejectReason
    id: str | msgspec.UnsetType = msgspec.UNSET


class Trade(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="ev", tag="trade"):
    """Two orders traded `qty` lots at `price` ticks; the maker is the one with the older priority.

    Marked are trades of an account with itself (only an uncross makes them), those of a taker that
    chose its makers, and those of a window offered for resale: none of them says what the market pays.
    """

    maker: str
    taker: str
    price: int
    qty: int
    self_trade: bool = False
    selective: bool = False
    resale: bool = False


class Canceled(msgspec.Struct, frozen=True, gc=False, tag_field="ev", tag="canceled"):
    """`qty` open lots were taken off an order, which is then gone unless the reason is decrement."""

    id: str
    qty: int
    reason: CancelReason


class Replaced(msgspec.Struct, frozen=True, gc=False, tag_field="ev", tag="replaced"):
    """An order has a new price and exactly `qty` lots left to trade."""

    id: str
    price: int
    qty: int
    priority_kept: bool


class PhaseChanged(msgspec.Struct, frozen=True, gc=False, tag_field="ev", tag="phase"):
    """The trading phase is now `phase`."""

    phase: Phase


class Indicative(msgspec.Struct, frozen=True, gc=False, tag_field="ev", tag="indicative"):
    """What an auction would do now: price (None if nothing can trade), lots, demand less supply."""

    price: int | None
    volume: int
    surplus: int


class BookShown(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="ev", tag="book"):
    """Every resting order by level with all its lots, hidden ones included, best level first."""

    bids: list[BookLevel]
    asks: list[BookLevel]
    resales: list[BookLevel] = []


Event: TypeAlias = Accepted | Rejected | Trade | Canceled | Replaced | PhaseChanged | Indicative | BookShown


def as_protocol(event: Event) -> dict[str, Any]:
    """The event as the JSON object that the protocol knows."""
    shown: dict[str, Any] = msgspec.to_builtins(event)
    return shown
