"""Cancelling orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.ids import public_id
from exchange.engine.phases import PERMISSIONS
from exchange.engine.protocol import Cancel, Expire
from exchange.sequencer import protocol as p
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.fills import apply_events
from exchange.sequencer.state import Market, OrderState


def cancel(decider: Decider, command: p.CancelOrder) -> dict[str, Any]:
    """Cancel an open order."""
    order = decider.open_order(command.organisation_id, command.order_id, command.client_order_id)
    return cancel_order(decider, order)


def cancel_all(decider: Decider, command: p.CancelAll) -> dict[str, Any]:
    """Cancel an organisation's open orders; those of a market that lets none go stay."""
    if command.instrument is not None:
        decider.market(command.instrument)
    orders = decider.state.orders_of(command.organisation_id, command.instrument)
    chosen = [order for order in orders if _applies(command, order)]
    return {"canceled": cancel_each(decider, chosen, command.reason)}


def _applies(command: p.CancelAll, order: OrderState) -> bool:
    return command.side in (None, order.side) and (order.client_order_id or "").startswith(
        command.client_order_id_prefix or ""
    )


def cancel_each(decider: Decider, orders: Sequence[OrderState], reason: str | None = None) -> list[str]:
    """Cancel those of the orders that their phases let go; return their public ids."""
    canceled = []
    for order in orders:
        if can_cancel(decider, order):
            cancel_order(decider, order, reason)
            canceled.append(public_id("order", order.id))
    return canceled


def expire(decider: Decider, id: str) -> bool:
    """End an order whose time is over, whatever the phase of its book."""
    order = decider.state.orders[id]
    market = decider.market(order.instrument.symbol)
    events = decider.apply(market, Expire(id))
    apply_events(decider.state, decider.changes, market, order, events)
    return True


def expire_until(decider: Decider, market: Market, moment: datetime) -> None:
    """End now what would expire until this moment: from now on no order of the market may leave by itself.

    Offers for resale take no part in auctions and keep their time.
    """
    ending = [
        (order.expires_at, order.hex)
        for order in decider.state.orders.values()
        if order.instrument.id == market.instrument.id and order.entitlement_id is None
        if order.expires_at is not None and order.expires_at <= moment
    ]
    for _, id in sorted(ending):
        expire(decider, id)


def can_cancel(decider: Decider, order: OrderState) -> bool:
    """Tell whether the phase of the order's book lets it be cancelled."""
    return PERMISSIONS[decider.market(order.instrument.symbol).engine.current_phase].cancel


def cancel_order(decider: Decider, order: OrderState, reason: str | None = None) -> dict[str, Any]:
    """Take an open order out of its book; `reason` says why, if it was not its owner's wish. Return its view.

    Raises:
        CuxError: INSTRUMENT_NOT_TRADING, the phase does not allow it.
    """
    market = decider.market(order.instrument.symbol)
    events = decider.apply(market, Cancel(order.hex))
    return apply_events(decider.state, decider.changes, market, order, events, reason=reason)
