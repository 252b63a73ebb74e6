"""The order and its vocabulary. Prices are in ticks, quantities in lots, all integers."""

from typing import Literal

import msgspec

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
TimeInForce = Literal["GTC", "IOC", "FOK", "GFA"]
"""GFA is good for auction: it rests while an auction is called and leaves with the uncross."""
StpMode = Literal["none", "cancel_taker", "cancel_maker", "cancel_both", "decrement"]
Phase = Literal["pre_open", "continuous", "auction", "no_cancel", "cancel_only", "halted", "closed"]


class Order(msgspec.Struct, kw_only=True, gc=False, eq=False, omit_defaults=True, tag_field="op", tag="new"):
    """One order, and the command that enters it. Once handed to an engine it belongs to it; others may read.

    `qty` is the open quantity in lots and falls as the order trades. `price` is the limit in ticks
    and 0 for a market order, which has none. `priority` is set by the book each time the order
    enters it: the smaller, the older. Ids and accounts are opaque to the engine.

    Orders that rest may be icebergs, with a peak of `display` lots of which `slice` are still shown
    (the book sets it). A sell with an `end` (epoch seconds) offers a window for resale: it rests apart
    from the ordinary book, neither crossing it nor shown in its depth, and trades with buys alone
    that ask for a window: `end` not before their `min_end`.

    Orders that never rest (IOC, FOK) may ask for at least `min_qty` lots or nothing, trade with
    `only` these accounts or `ignore` those, and, buying, spend no more than a `budget` in ticks times
    lots; `qty` then is the most lots to buy.
    """

    id: str
    account: str
    side: Side
    type: OrderType = "limit"
    tif: TimeInForce = "GTC"
    price: int = 0
    qty: int
    post_only: bool = False
    stp: StpMode = "none"
    priority: int = 0
    display: int = 0
    slice: int = 0
    end: int = 0
    min_qty: int = 0
    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    min_end: int = 0
    budget: int = 0
