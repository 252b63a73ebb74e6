"""Selling compute on: an entitlement is lodged with its offer; what is not sold goes back to its holder."""

from datetime import datetime
from typing import Any

from core.errors import Code, CuxError
from core.ids import new_id
from exchange.sequencer import protocol as p
from exchange.sequencer import rules
from exchange.sequencer.commands import admission
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.fills import apply_events
from exchange.sequencer.kinds import check_enabled
from exchange.sequencer.resale import SOLD_UNTIL, Lodged
from exchange.sequencer.state import Market, OrderState


def lodge(decider: Decider, command: p.Lodge) -> dict[str, Any]:
    """Take an entitlement and offer all of it, until five minutes before its end at most.

    Raises:
        CuxError: ENTITLEMENT_NOT_SELLABLE, or what refuses any offer of this price and size.
    """
    check_enabled("resale", decider.disabled)
    lodged = _entitlement(decider, command)
    market = decider.market(command.instrument)
    rules.check_trading(market.engine.current_phase)
    rules.check_size(market.instrument, command.price_ticks, command.quantity_lots)
    if command.quantity_lots * market.instrument.lot_ucu != lodged.left_ucu:
        raise CuxError(Code.ENTITLEMENT_NOT_SELLABLE, "An offer is of all that is lodged.")
    order = _order(decider, command, market, _expires_at(decider, command, lodged))
    order.window_ends_at = lodged.ends_at
    admission.admit_new(decider.state, market, order)
    events = decider.apply(market, order.for_engine())
    decider.state.lodged[lodged.id] = lodged
    decider.state.add(order)
    return apply_events(decider.state, decider.changes, market, order, events)


def _entitlement(decider: Decider, command: p.Lodge) -> Lodged:
    """Return what is to be lodged; it must be of the caller, marked as lodged, and in no other offer."""
    lodged = decider.reader.lodged(command.entitlement_id)
    if lodged is None or lodged.holder_id != command.organisation_id or lodged.id in decider.state.lodged:
        raise CuxError(Code.ENTITLEMENT_NOT_SELLABLE, param="entitlement_id")
    return lodged


def _expires_at(decider: Decider, command: p.Lodge, lodged: Lodged) -> datetime:
    latest = (lodged.ends_at - SOLD_UNTIL).replace(microsecond=0)
    if latest <= decider.changes.now:
        raise CuxError(Code.ENTITLEMENT_NOT_SELLABLE, "It ends in less than five minutes.")
    if command.expires_at is None:
        return latest
    asked = datetime.fromtimestamp(command.expires_at, latest.tzinfo)
    if not decider.changes.now < asked <= latest:
        raise CuxError(
            Code.INVALID_FIELD, "It can be offered until five minutes before its end.", param="expires_at"
        )
    return asked


def _order(decider: Decider, command: p.Lodge, market: Market, expires_at: datetime) -> OrderState:
    rates = decider.state.rates_of(command.organisation_id, market.instrument)
    return OrderState(
        id=new_id(),
        instrument=market.instrument,
        organisation_id=command.organisation_id,
        beneficiary_id=command.organisation_id,
        client_order_id=None,
        side="sell",
        type="limit",
        tif="GTD",
        post_only=False,
        stp="cancel_taker",
        price_ticks=command.price_ticks,
        limit_ticks=command.price_ticks,
        quantity_lots=command.quantity_lots,
        leaves_lots=command.quantity_lots,
        created_at=decider.changes.now,
        maker_fee_ppm=rates.maker_ppm,
        taker_fee_ppm=rates.taker_ppm,
        entitlement_id=command.entitlement_id,
        expires_at=expires_at,
    )
