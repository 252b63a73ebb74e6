"""Volatility interruption: before a trade far from the reference price, an auction asks everybody."""

from typing import Any

from msgspec import structs

from core.ids import new_id
from exchange.engine.events import Canceled
from exchange.engine.orders import Order
from exchange.sequencer.auctions import volatility_periods
from exchange.sequencer.commands import auctions
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.fills import apply_events
from exchange.sequencer.state import Market, OrderState


def interrupt(decider: Decider, market: Market, incoming: Order) -> bool:
    """Start an auction if the order would trade further than `volatility_ppm` from the reference price.

    Its first and its last price decide: the market may have left behind an offer far below, too.

    Tells whether it did; nothing has traded then, and the order may rest in the auction.
    """
    instrument = market.instrument
    if not instrument.volatility_ppm or incoming.post_only:
        return False
    last = market.engine.reach(incoming)
    if last is None:
        return False
    one_lot = structs.replace(incoming, tif="IOC", qty=1, min_qty=0, budget=0)
    first = market.engine.reach(one_lot)
    if not any(instrument.is_volatile(market.reference_ticks, price or last) for price in (first, last)):
        return False
    auctions.begin(
        decider,
        market,
        id=new_id(),
        kind="volatility",
        periods=volatility_periods(instrument.volatility_auction_s),
        then_phase="continuous",
    )
    return True


def turn_away(decider: Decider, market: Market, order: OrderState) -> dict[str, Any]:
    """End an order that cannot rest, without a trade: it never enters the book. Returns its view."""
    decider.state.add(order)
    events = [Canceled(order.id.hex, order.leaves_lots, "ioc")]
    return apply_events(decider.state, decider.changes, market, order, events, reason="volatility")
