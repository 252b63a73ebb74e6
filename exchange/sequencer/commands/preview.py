"""What an order would come to: placed by the same code, on copies of what it would touch."""

from copy import copy
from dataclasses import replace
from typing import Any

from exchange.sequencer import protocol as p
from exchange.sequencer.changes import Changes
from exchange.sequencer.commands import orders
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.runaway import Output
from exchange.sequencer.state import Market, OrderState, State


def preview(decider: Decider, command: p.Preview) -> dict[str, Any]:
    """Return the order as it would stand now, what it would cost at once, and what must be at hand for it.

    It is refused as the order would be. Standing offers are left out of an auction that it would start.
    """
    market, order = orders.admit(decider, command.order)
    worst_case_nano_usd = order.needed_nano_usd if order.side == "buy" else 0
    aside = Decider(
        _excerpt(decider.state, market, order), Changes(decider.changes.now), decider.reader, decider.handlers
    )
    view = orders.place(aside, aside.market(market.instrument.symbol), order)
    bought = [trade for trade in aside.changes.trades if trade.buy_order_id == order.id]
    return view | {
        "preview": True,
        "cost_nano_usd": order.notional_nano_usd,
        "fee_nano_usd": order.fee_nano_usd,
        "worst_case_nano_usd": worst_case_nano_usd,
        "refund_nano_usd": sum(trade.escrow_nano_usd + trade.fees_nano_usd for trade in bought),
    }


def _excerpt(state: State, market: Market, order: OrderState) -> State:
    """Copy the orders that this one would meet, with all that belongs to their accounts."""
    engine = market.engine.excerpt(order.for_engine())
    excerpt = State(
        markets={market.instrument.symbol: replace(market, engine=engine, standing={}, output=Output())},
        terms=state.terms,
        tiers=state.tiers,
    )
    for met in engine.snapshot():
        excerpt.add(copy(state.orders[met.id]))
    for known in (order, *excerpt.orders.values()):
        account, claim = known.organisation_id, (known.organisation_id, known.instrument.pool)
        excerpt.wallets[account] = copy(state.wallets[account])
        excerpt.backings[claim] = copy(state.backings[claim])
        if known.entitlement_id is not None:
            excerpt.lodged[known.entitlement_id] = copy(state.lodged[known.entitlement_id])
    return excerpt
