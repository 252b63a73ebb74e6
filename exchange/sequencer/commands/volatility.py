"""Volatility interruption: before a trade far from the reference price, an auction asks everybody."""

from typing import Any

from core.ids import new_id
from exchange.engine.events import Canceled
from exchange.engine.orders import Order
from exchange.sequencer.auctions import volatility_periods
from exchange.sequencer.commands import auctions
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.fills import apply_events, claim_backing
from exchange.sequencer.state import Market, OrderState


def trades_too_far(market: Market, incoming: Order) -> bool:
    """Tell whether the order would trade further than `volatility_ppm` from the reference price.

    Its first and its last price decide: the market may have left behind an offer far below, too. Trades that
    are never printed (with providers of one's choice, of what is sold on) move no reference and interrupt
    nobody: else whoever offers one lot far away could halt a market again and again, and for nothing.
    """
    instrument = market.instrument
    if not instrument.volatility_ppm or incoming.post_only or incoming.only or incoming.ignore:
        return False
    reach = market.engine.reach(incoming)
    return reach is not None and any(instrument.is_volatile(market.reference_ticks, price) for price in reach)


def interrupt(decider: Decider, market: Market, order: OrderState, incoming: Order) -> None:
    """Start an auction if the order, which can rest in it, would trade too far from the reference price.

    `incoming` is what comes to the book: the order, or what would replace it.
    """
    if not trades_too_far(market, incoming):
        return
    if order.side == "sell":  # before standing offers enter, which the same capacity backs
        claim_backing(decider.state, order, incoming.qty)
    auctions.begin(
        decider,
        market,
        id=new_id(),
        kind="volatility",
        periods=volatility_periods(market.instrument.volatility_auction_s),
        then_phase="continuous",
    )


def turn_away(decider: Decider, market: Market, order: OrderState) -> dict[str, Any]:
    """End an order that would trade too far and cannot wait for an auction. Returns its view.

    It starts none either: what risks nothing must not be able to halt a market.
    """
    decider.state.add(order)
    events = [Canceled(order.hex, order.leaves_lots, "ioc")]
    return apply_events(decider.state, decider.changes, market, order, events, reason="volatility")
