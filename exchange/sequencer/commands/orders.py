"""Placing and replacing orders."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import structs

from core.errors import Code, CuxError
from core.ids import new_id
from exchange.engine.orders import Order
from exchange.engine.protocol import Replace
from exchange.sequencer import budgets, rules
from exchange.sequencer import protocol as p
from exchange.sequencer.commands import admission, capacity, volatility
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.fills import apply_events, drop_hold
from exchange.sequencer.kinds import check_slices, expires_at
from exchange.sequencer.state import Market, OrderState

MOST_MATCHES: Final = 500
"""Matches of one command: each takes about 0.2 ms of the sequencer alone, in which nobody else trades."""


def new(decider: Decider, command: p.NewOrder) -> dict[str, Any]:
    """Place an order."""
    market, order = admit(decider, command)
    view = place(decider, market, order)
    if command.client_order_id is not None:
        decider.taken.add((command.organisation_id, command.client_order_id))
    return view


def admit(decider: Decider, command: p.NewOrder) -> tuple[Market, OrderState]:
    """Return the order that may be placed, and its market; nothing has changed yet.

    Raises:
        CuxError: DUPLICATE_CLIENT_ORDER_ID, UNKNOWN_INSTRUMENT, PRICE_OUT_OF_BAND, INSUFFICIENT_BALANCE,
            INSUFFICIENT_CAPACITY, NO_CAPACITY, TOO_MANY_MATCHES, or as `rules.check_new` and
            `admission.admit_new`.
    """
    if (command.organisation_id, command.client_order_id) in decider.taken:
        raise CuxError(Code.DUPLICATE_CLIENT_ORDER_ID, param="client_order_id")
    market = decider.market(command.instrument)
    limit = rules.check_new(
        command, market.instrument, market.engine.current_phase, decider.changes.now, decider.disabled
    )
    limit = rules.within_band(command, limit, market.band)
    order = _order(decider, command, market, limit)
    _check_expiry(market, order)
    admission.admit_new(decider.state, market, order)
    if order.side == "buy":
        decider.state.wallets[order.organisation_id].require(order.needed_nano_usd)
    else:
        capacity.require_backing(decider, order, order.leaves_lots)
    _check_matches(decider, market, order.leaves_lots, order.for_engine)
    return market, order


def place(decider: Decider, market: Market, order: OrderState) -> dict[str, Any]:
    """Let an admitted order trade and rest, or interrupt the market."""
    incoming = order.for_engine()
    if order.tif in ("IOC", "FOK"):
        if volatility.trades_too_far(market, incoming):
            return volatility.turn_away(decider, market, order)
    else:
        volatility.interrupt(decider, market, order, incoming)
    events = decider.apply(market, incoming)
    decider.state.add(order)
    return apply_events(decider.state, decider.changes, market, order, events)


def replace(decider: Decider, command: p.ReplaceOrder) -> dict[str, Any]:
    """Change price and open quantity; what is freed by it can pay for it."""
    order = decider.open_order(command.organisation_id, command.order_id)
    if order.entitlement_id is not None:
        raise CuxError(
            Code.INVALID_FIELD, "An offer of an entitlement is cancelled and made anew.", param="order_id"
        )
    market = decider.market(order.instrument.symbol)
    rules.check_trading(market.engine.current_phase)
    rules.check_size(market.instrument, command.price_ticks, command.quantity_lots)
    rules.check_band(command.price_ticks, market.band)
    check_slices(order.display_lots, command.quantity_lots)
    admission.admit_replace(decider.state, market, order, command)
    grows = False
    if order.side == "buy":
        needed = order.worst_case_nano_usd(command.price_ticks, command.quantity_lots)
        grows = needed > order.held_nano_usd
        decider.state.wallets[order.organisation_id].require(needed - order.held_nano_usd)
    elif command.quantity_lots > order.leaves_lots:
        capacity.require_backing(decider, order, command.quantity_lots - order.leaves_lots)
    operation = Replace(order.hex, command.price_ticks, command.quantity_lots)
    replaced = structs.replace(order.for_engine(), price=command.price_ticks, qty=command.quantity_lots)
    _check_matches(decider, market, replaced.qty, lambda: replaced)
    volatility.interrupt(decider, market, order, replaced)
    events = decider.apply(market, operation)
    if grows:
        drop_hold(decider.state, decider.changes, order)
    return apply_events(decider.state, decider.changes, market, order, events)


def _check_expiry(market: Market, order: OrderState) -> None:
    """Refuse an order that could leave an auction by itself after the last cancel (INVALID_FIELD)."""
    auction = market.auction
    if auction is None or auction.state == "input" or order.expires_at is None:
        return
    if order.expires_at <= auction.closes_at:
        raise CuxError(Code.INVALID_FIELD, "It must outlast the running auction.", param="expires_at")


def _check_matches(decider: Decider, market: Market, lots: int, incoming: Callable[[], Order]) -> None:
    """Refuse an order that would keep everybody else waiting: with the batch it is in, too many trades."""
    room = MOST_MATCHES - (len(decider.changes.trades) - decider.trades_before)
    if lots > room and market.engine.meets(incoming()) > room:
        raise CuxError(Code.TOO_MANY_MATCHES)


def _order(decider: Decider, command: p.NewOrder, market: Market, limit_ticks: int) -> OrderState:
    rates = decider.state.rates_of(command.organisation_id, market.instrument)
    lots, budget_nano_usd = command.quantity_lots, command.budget_nano_usd
    if lots is None:
        buys_resold = command.min_window_s is not None
        low_ticks = budgets.lowest_ticks(market, limit_ticks, buys_resold=buys_resold)
        lots = budgets.most_lots(market.instrument, budget_nano_usd or 0, rates.taker_ppm, low_ticks)
    order = OrderState(
        id=new_id(),
        instrument=market.instrument,
        organisation_id=command.organisation_id,
        beneficiary_id=command.beneficiary_id or command.organisation_id,
        beneficiary_ucu=command.beneficiary_ucu,
        client_order_id=command.client_order_id,
        side=command.side,
        type=command.type,
        tif=command.tif,
        post_only=command.post_only,
        stp=command.stp,
        price_ticks=command.price_ticks,
        limit_ticks=limit_ticks,
        quantity_lots=lots,
        leaves_lots=lots,
        budget_nano_usd=budget_nano_usd,
        display_lots=command.display_lots,
        min_lots=lots if command.all_or_none else command.min_lots,
        only_providers=command.only_providers,
        ignore_providers=command.ignore_providers,
        expires_at=expires_at(command, decider.changes.now),
        created_at=decider.changes.now,
        maker_fee_ppm=rates.maker_ppm,
        taker_fee_ppm=rates.taker_ppm,
        min_window_ends_at=_window_ends_at(command, decider.changes.now),
    )
    if budget_nano_usd is not None:
        budgets.set_budget(market, order, budget_nano_usd)
    return order


def _window_ends_at(command: p.NewOrder, now: datetime) -> datetime | None:
    """Return until when resold compute has to be drawable, rounded up to the second."""
    if command.min_window_s is None:
        return None
    return now.replace(microsecond=0) + timedelta(seconds=command.min_window_s + bool(now.microsecond))
