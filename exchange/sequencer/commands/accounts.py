"""Kill switches, limits and fee tiers: what operators set, and what it refuses."""

from collections.abc import Iterable
from typing import Any, Final

from core.errors import Code, CuxError
from core.ids import public_id
from core.money import BIGINT_MAX
from exchange.engine.protocol import SetPhase
from exchange.sequencer import protocol as p
from exchange.sequencer.commands import phases
from exchange.sequencer.commands.cancels import cancel_order
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.limits import Rates, Terms
from exchange.sequencer.state import OrderState

INTEGER_MAX: Final = 2**31 - 1
_NO_CANCELS: Final = ("halted", "no_cancel")


def set_account(decider: Decider, command: p.SetAccount) -> dict[str, Any]:
    """Set what an account may do; blocking it cancels its open orders, whatever the phase of their books.

    Its tier counts for orders placed from now on: those in the book keep the fees they were placed under.
    """
    _check_text(command.reason, 200, "reason")
    _check_limit(command.max_open_orders, INTEGER_MAX, "max_open_orders")
    _check_limit(command.max_notional_nano_usd, BIGINT_MAX, "max_notional_nano_usd")
    if command.fee_tier and not any(tier == command.fee_tier for _, tier in decider.state.tiers):
        raise CuxError(Code.INVALID_FIELD, "There is no such fee tier.", param="fee_tier")
    terms = Terms(
        is_blocked=command.is_blocked,
        reason=command.reason,
        fee_tier=command.fee_tier,
        max_open_orders=command.max_open_orders,
        max_notional_nano_usd=command.max_notional_nano_usd,
    )
    decider.state.terms[command.organisation_id] = terms
    decider.changes.terms[command.organisation_id] = terms
    canceled = []
    if terms.is_blocked:
        orders = decider.state.orders_of(command.organisation_id, None)
        canceled = _cancel_by_force(decider, orders, reason="account_blocked")
    return {
        "organisation_id": public_id("organisation", command.organisation_id),
        "is_blocked": terms.is_blocked,
        "reason": terms.reason,
        "fee_tier": terms.fee_tier,
        "max_open_orders": terms.max_open_orders,
        "max_notional_nano_usd": terms.max_notional_nano_usd,
        "canceled": canceled,
    }


def set_fee_tier(decider: Decider, command: p.SetFeeTier) -> dict[str, Any]:
    """Set the fees of a tier on an instrument, which never exceed the instrument's own; see `set_account`."""
    _check_text(command.tier, 20, "tier")
    if not command.tier:
        raise CuxError(Code.INVALID_FIELD, "A tier has a name.", param="tier")
    instrument = decider.market(command.instrument).instrument
    within = (
        0 <= command.maker_fee_ppm <= instrument.maker_fee_ppm
        and command.maker_fee_ppm <= command.taker_fee_ppm <= instrument.taker_fee_ppm
    )
    if not within:
        raise CuxError(
            Code.INVALID_FIELD, "A tier's fees are at most the instrument's.", param="taker_fee_ppm"
        )
    rates = Rates(command.maker_fee_ppm, command.taker_fee_ppm)
    key = (instrument.id, command.tier)
    decider.state.tiers[key] = decider.changes.tiers[key] = rates
    return {
        "instrument": command.instrument,
        "tier": command.tier,
        "maker_fee_ppm": rates.maker_ppm,
        "taker_fee_ppm": rates.taker_ppm,
    }


def kill(decider: Decider, command: p.Kill) -> dict[str, Any]:
    """Stop an instrument: cancel every open order of everybody, and halt."""
    market = decider.market(command.instrument)
    orders = [decider.state.orders[order.id] for order in market.engine.snapshot()]
    canceled = _cancel_by_force(decider, orders, reason="instrument_killed")
    halted = phases.set_phase(decider, p.SetPhase(command.instrument, "halted"))
    return {**halted, "canceled": len(canceled)}


def _cancel_by_force(decider: Decider, orders: Iterable[OrderState], *, reason: str) -> list[str]:
    """Cancel orders even where the phase allows no cancels: for a moment it is another."""
    canceled = []
    for order in orders:
        market = decider.market(order.instrument.symbol)
        phase = market.engine.current_phase
        if phase in _NO_CANCELS:
            decider.apply(market, SetPhase("cancel_only"))
        cancel_order(decider, order, reason=reason)
        if phase in _NO_CANCELS:
            decider.apply(market, SetPhase(phase))
        canceled.append(public_id("order", order.id))
    return canceled


def _check_limit(limit: int | None, most: int, param: str) -> None:
    if limit is not None and not 0 <= limit <= most:
        raise CuxError(Code.NUMBER_TOO_LARGE if limit > 0 else Code.INVALID_FIELD, param=param)


def _check_text(text: str, longest: int, param: str) -> None:
    if len(text) > longest or not text.isprintable():
        raise CuxError(Code.INVALID_FIELD, f"Expected {longest} printable characters at most.", param=param)
