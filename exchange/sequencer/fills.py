"""What the engine's events mean for orders, wallets and holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from core.ids import new_id
from exchange.engine.events import Canceled, Event, Replaced
from exchange.engine.events import Trade as Match
from exchange.sequencer.changes import Changes
from exchange.sequencer.money import Trade
from exchange.sequencer.state import RUNAWAY, Market, OrderState, State
from exchange.sequencer.views import order_view, trade_view

_PREVENTING: Final = ("stp", "decrement")


def apply_events(
    state: State,
    changes: Changes,
    market: Market,
    order: OrderState | None,
    events: Sequence[Event],
    *,
    reason: str | None = None,
) -> dict[str, Any]:
    """Carry the events of one command, which was on `order`, into orders, wallets, holds and backing.

    `reason` replaces the engine's for `order`, if it is cancelled. Returns the order's view with its trades
    of this command; without an order nothing.
    """
    touched: dict[str, OrderState] = {order.hex: order} if order else {}
    trades: list[Trade] = []
    prevented: list[Canceled] = []
    for event in events:
        match event:
            case Match():
                maker, taker = state.orders[event.maker], state.orders[event.taker]
                touched[event.maker], touched[event.taker] = maker, taker
                trades.append(_trade(state, market, event, maker, taker, changes.now))
            case Canceled():
                touched[event.id] = _cancel(state.orders[event.id], event)
                if event.reason in _PREVENTING:
                    prevented.append(event)
            case Replaced():
                touched[event.id] = replaced = state.orders[event.id]
                _touch_level(changes, market, replaced)
                _replace(replaced, event)
            case _:
                pass
    if reason is not None and order is not None and order.status == "canceled":
        _end(order, reason)
    sides = [_record(changes, market, trade) for trade in trades]
    if trades and market.output.count(len(trades), changes.now):
        state.deadlines.set((RUNAWAY, market.instrument.symbol), changes.now)
    views = [
        _settle(state, changes, market, changed, prevented if changed is order else ())
        for changed in touched.values()
    ]
    if order is None:
        return {}
    return views[0] | {"trades": [each[order.side] for each in sides]}


def _record(changes: Changes, market: Market, trade: Trade) -> dict[str, dict[str, Any]]:
    """Have the trade written, posted and told to the market and both sides; return what each side sees."""
    changes.trade(market, trade)
    if trade.is_printed:
        market.reference_ticks = trade.price_ticks
    views = {"buy": trade_view(trade, is_buyer=True), "sell": trade_view(trade, is_buyer=False)}
    changes.tell(trade.buyer_id, "fill", views["buy"])
    changes.tell(trade.seller_id, "fill", views["sell"])
    return views


def _settle(
    state: State, changes: Changes, market: Market, order: OrderState, prevented: Sequence[Canceled]
) -> dict[str, Any]:
    """Make hold or offer cover exactly what is left of the order; forget the order if that is nothing.

    Returns what its owner is told.
    """
    resting = market.engine.order(order.hex)
    if resting is not None or order.priority:
        _touch_level(changes, market, order)
    if resting is not None:
        order.priority, order.slice_lots = resting.priority, resting.slice
    else:
        state.remove(order)
    if market.auction is not None:
        order.auction_id = market.auction.id
    if order.side == "buy":
        _settle_hold(state, changes, order)
    elif order.entitlement_id is None:
        _settle_offer(state, order)
    elif resting is None:
        changes.lodged(state.lodged.pop(order.entitlement_id))
    changes.touch(order)
    view = order_view(order, prevented)
    changes.tell(order.organisation_id, "order", view)
    return view


def _touch_level(changes: Changes, market: Market, order: OrderState) -> None:
    changes.of_market(market).levels.add((order.side, order.limit_ticks))


def drop_hold(state: State, changes: Changes, order: OrderState) -> None:
    """Release all that the order has set aside, so that a larger hold can take its place."""
    if order.hold_id is not None:
        changes.step_hold(order.hold_id, capture=0, release=order.held_nano_usd)
        state.wallets[order.organisation_id].held -= order.held_nano_usd
        order.hold_id, order.held_nano_usd = None, 0


def _trade(
    state: State, market: Market, match: Match, maker: OrderState, taker: OrderState, now: datetime
) -> Trade:
    taker_is_buyer = taker.side == "buy"
    buy, sell = (taker, maker) if taker_is_buyer else (maker, taker)
    auction = market.auction
    takes = auction is None  # in an auction both sides had rested: each pays as a maker
    market.trade_sequence += 1
    quantity_ucu = match.qty * market.instrument.lot_ucu
    held_ucu = quantity_ucu if buy.beneficiary_ucu is None else min(quantity_ucu, buy.beneficiary_ucu)
    trade = Trade(
        id=new_id(),
        entitlement_ids=(new_id(), new_id()),
        instrument=market.instrument,
        sequence=market.trade_sequence,
        price_ticks=match.price,
        quantity_lots=match.qty,
        taker_is_buyer=taker_is_buyer,
        buyer_id=buy.organisation_id,
        holder_id=buy.beneficiary_id,
        held_ucu=held_ucu,
        seller_id=sell.organisation_id,
        buy_order_id=buy.id,
        sell_order_id=sell.id,
        traded_at=now,
        buyer_fee_ppm=buy.rates[takes and taker_is_buyer],
        seller_fee_ppm=sell.rates[takes and not taker_is_buyer],
        is_self=buy.organisation_id == sell.organisation_id,
        auction_id=auction.id if auction else None,
        delivers_until=auction.delivers_until if auction else None,
        is_selective=match.selective,
        source=None if sell.entitlement_id is None else state.lodged[sell.entitlement_id].take(quantity_ucu),
    )
    for order, fee in ((buy, trade.buyer_fee_nano_usd), (sell, trade.seller_fee_nano_usd)):
        order.leaves_lots -= match.qty
        order.cumulative_lots += match.qty
        order.notional_nano_usd += trade.notional_nano_usd
        order.fee_nano_usd += fee
        if not order.leaves_lots:
            order.status = "filled"
    if buy.beneficiary_ucu is not None:
        buy.beneficiary_ucu -= held_ucu
    buy.unsettled_nano_usd += trade.paid_nano_usd
    if trade.source is None:
        backing = state.backings[sell.organisation_id, market.instrument.pool]
        backing.issued_ucu += trade.quantity_ucu
    else:
        state.wallets[sell.organisation_id].posted += trade.received_nano_usd
    return trade


def _cancel(order: OrderState, event: Canceled) -> OrderState:
    order.leaves_lots -= event.qty
    if not order.leaves_lots:
        _end(order, event.reason)
    return order


def _end(order: OrderState, reason: str) -> None:
    order.status, order.reason = "expired" if reason == "expired" else "canceled", reason


def _replace(order: OrderState, event: Replaced) -> None:
    order.price_ticks = order.limit_ticks = event.price
    order.leaves_lots = event.qty
    order.quantity_lots = order.cumulative_lots + event.qty


def _settle_hold(state: State, changes: Changes, order: OrderState) -> None:
    wallet = state.wallets[order.organisation_id]
    paid, order.unsettled_nano_usd = order.unsettled_nano_usd, 0
    wallet.posted -= paid
    due = order.needed_nano_usd if order.is_open else 0
    if order.hold_id is not None:
        freed = order.held_nano_usd - due
        if freed:
            changes.step_hold(order.hold_id, capture=paid, release=freed - paid)
    elif due:
        order.hold_id = changes.place_hold(order, due)
    wallet.held += due - order.held_nano_usd
    order.held_nano_usd = due
    if not due:
        order.hold_id = None


def _settle_offer(state: State, order: OrderState) -> None:
    claim_backing(state, order, order.leaves_lots if order.is_open else 0)


def claim_backing(state: State, order: OrderState, lots: int) -> None:
    """Have a sell order's claim on its provider's capacity be that of so many lots."""
    due = lots * order.instrument.lot_ucu
    backing = state.backings[order.organisation_id, order.instrument.pool]
    backing.offered_ucu += due - order.offered_ucu
    order.offered_ucu = due
