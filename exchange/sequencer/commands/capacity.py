"""A provider's capacity: what it was measured to deliver backs what it offers."""

import uuid
from typing import Any

from core.errors import Code, CuxError
from core.ids import public_id
from core.money import BIGINT_MAX, PPM
from exchange.engine.protocol import SetPhase
from exchange.sequencer import protocol as p
from exchange.sequencer.commands.cancels import can_cancel, cancel_order
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.facts import Instrument, pools
from exchange.sequencer.state import Market, OrderState


def set_capacity(decider: Decider, command: p.SetCapacity) -> dict[str, Any]:
    """Record measured capacity, and cancel the youngest offers that it backs no more."""
    if not 0 <= command.rate_ucu_per_s <= BIGINT_MAX:
        raise CuxError(Code.NUMBER_TOO_LARGE, param="rate_ucu_per_s")
    if not 0 <= command.tier_factor_ppm <= PPM:
        raise CuxError(Code.INVALID_FIELD, param="tier_factor_ppm")
    canceled: list[str] = []
    for pool in pools(command.compute_class):
        backing = decider.state.backings[command.organisation_id, pool]
        backing.rate_ucu_per_s = command.rate_ucu_per_s
        backing.tier_factor_ppm = command.tier_factor_ppm
        canceled += _cancel_unbacked(decider, command.organisation_id, pool)
    claim = (command.organisation_id, command.compute_class)
    decider.changes.backings[claim] = decider.state.backings[claim]
    return {
        "rate_ucu_per_s": command.rate_ucu_per_s,
        "tier_factor_ppm": command.tier_factor_ppm,
        "canceled": canceled,
    }


def require_backing(decider: Decider, order: OrderState, lots: int) -> None:
    """Refuse to sell more than is backed (INSUFFICIENT_CAPACITY, NO_CAPACITY)."""
    if not _backs(decider, order, lots):
        raise CuxError(Code.INSUFFICIENT_CAPACITY)


def backed_lots(decider: Decider, organisation_id: uuid.UUID, instrument: Instrument, lots: int) -> int:
    """Return how many of so many lots are backed; 0 if no capacity was ever measured."""
    claim = (organisation_id, instrument.pool)
    backing = decider.state.backings[claim]
    if backing.rate_ucu_per_s is None:
        return 0
    if backing.free_ucu(instrument.window_s) < lots * instrument.lot_ucu:
        _look_up_issued(decider, *claim)
    return min(lots, max(backing.free_ucu(instrument.window_s), 0) // instrument.lot_ucu)


def end_unbacked(decider: Decider, market: Market) -> None:
    """Before an uncross: end offers that capacity backs no more, youngest first, though nobody may cancel.

    It may have fallen while the phase let none go.
    """
    resting = [decider.state.orders[order.id] for order in market.engine.snapshot()]
    for order in reversed(resting):
        if order.side == "sell" and order.entitlement_id is None and not _backs(decider, order, 0):
            decider.apply(market, SetPhase("auction"))
            cancel_order(decider, order, reason="capacity")


def _cancel_unbacked(decider: Decider, organisation_id: uuid.UUID, pool: str) -> list[str]:
    """Cancel offers, youngest first, until capacity backs the rest; a halted book's stay."""
    canceled = []
    offers = [
        order
        for order in decider.state.orders_of(organisation_id, None)
        if order.side == "sell" and order.instrument.pool == pool
    ]
    for order in sorted(offers, key=lambda order: order.id, reverse=True):
        if can_cancel(decider, order) and not _backs(decider, order, 0):
            cancel_order(decider, order, reason="capacity")
            canceled.append(public_id("order", order.id))
    return canceled


def _backs(decider: Decider, order: OrderState, lots: int) -> bool:
    """Tell whether `lots` more are backed; before saying no, look whether some was drawn or expired."""
    pool, window_s = order.instrument.pool, order.instrument.window_s
    needed = lots * order.instrument.lot_ucu
    backing = decider.state.backings[order.organisation_id, pool]
    if needed <= backing.free_ucu(window_s):
        return True
    _look_up_issued(decider, order.organisation_id, pool)
    return needed <= backing.free_ucu(window_s)


def _look_up_issued(decider: Decider, organisation_id: uuid.UUID, pool: str) -> None:
    """Bring what is issued up to date: some of it may have been drawn or expired."""
    committed = decider.reader.issued_ucu(organisation_id, pool)
    backing = decider.state.backings[organisation_id, pool]
    backing.issued_ucu = committed + decider.changes.issued_ucu(organisation_id, pool)
