"""The order and its vocabulary. Prices are in ticks, quantities in lots, all integers."""

from typing import Literal

import msgspec

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
TimeInForce = Literal["GTC", "IOC", "FOK"]
StpMode = Literal["none", "cancel_taker", "cancel_maker", "cancel_both", "decrement"]
Phase = Literal["continuous", "auction", "cancel_only", "halted"]


class Order(msgspec.Struct, kw_only=True, gc=False, eq=False):
    """One order. Once handed to an engine it belongs to it; others may read it.

    `qty` is the open quantity in lots and falls as the order trades. `price` is the limit in ticks
    and 0 for a market order, which has none. `priority` is set by the book each time the order
    enters it: the smaller, the older. Ids and accounts are opaque to the engine.
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
