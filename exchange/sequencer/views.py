"""The bodies of verdicts, in the words of `cux.wire.orders`."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from core.clock import rfc3339
from core.errors import CuxError
from core.ids import public_id
from core.money import mul_div_half_even
from exchange.engine.events import Canceled
from exchange.sequencer.money import Trade
from exchange.sequencer.protocol import Verdict
from exchange.sequencer.risk import Wallet
from exchange.sequencer.state import OrderState, StandingOffer

DEFAULT_STP: Final = "cancel_taker"
_TERMS: Final = ("reason", "budget_nano_usd", "post_only", "display_lots", "min_lots")


class Terms(Protocol):
    """What orders in memory and in rows have in common."""

    @property
    def expires_at(self) -> datetime | None:
        """When it ends by itself."""

    @property
    def entitlement_id(self) -> uuid.UUID | None:
        """What it resells."""

    @property
    def auction_id(self) -> uuid.UUID | None:
        """The auction in which it took part."""


def order_view(order: OrderState, prevented: Sequence[Canceled] = ()) -> dict[str, Any]:
    """Return an order as its owner sees it, without trades; what is not set is left out.

    `prevented` are lots that would have traded with their own account.
    """
    view: dict[str, Any] = {
        "order_id": public_id("order", order.id),
        "client_order_id": order.client_order_id,
        "instrument": order.instrument.symbol,
        "side": order.side,
        "type": order.type,
        "tif": order.tif,
        "price_ticks": order.price_ticks,
        "quantity_lots": order.quantity_lots,
        "leaves_lots": order.leaves_lots,
        "cumulative_lots": order.cumulative_lots,
        "avg_price_nano_usd_per_lot": average_price(order.notional_nano_usd, order.cumulative_lots),
        "status": shown_status(order.status, order.cumulative_lots),
        "held_nano_usd": order.held_nano_usd,
        "created_at": rfc3339(order.created_at),
        "trades": [],
    }
    view |= terms_view(order)
    if order.stp != DEFAULT_STP:
        view["stp"] = order.stp
    if prevented:
        view["prevented"] = [
            {"order_id": public_id("order", uuid.UUID(hex=each.id)), "quantity_lots": each.qty}
            for each in prevented
        ]
    return view


def terms_view(order: Terms) -> dict[str, Any]:
    """Return what an order has beyond the plain one, and why it ended: only what is set."""
    view = {name: value for name in _TERMS if (value := getattr(order, name))}
    if order.expires_at is not None:
        view["expires_at"] = rfc3339(order.expires_at)
    if order.entitlement_id is not None:
        view["entitlement_id"] = public_id("entitlement", order.entitlement_id)
    if order.auction_id is not None:
        view["auction_id"] = public_id("auction", order.auction_id)
    return view


def shown_status(status: str, cumulative_lots: int) -> str:
    """Return the status in the words of the wire, where an open order may be partially filled."""
    return "partially_filled" if status == "open" and cumulative_lots else status


def average_price(notional_nano_usd: int, quantity_lots: int) -> int | None:
    """Return nano-USD per lot rounded half to even, or None before the first trade."""
    return mul_div_half_even(notional_nano_usd, 1, quantity_lots) if quantity_lots else None


def wallet_view(wallet: Wallet) -> dict[str, Any]:
    """Return a wallet as a balance."""
    return {
        "posted_nano_usd": wallet.posted,
        "held_nano_usd": wallet.held,
        "available_nano_usd": wallet.available,
    }


def offer_view(
    offer: StandingOffer, auction_id: uuid.UUID | None = None, order: OrderState | None = None
) -> dict[str, Any]:
    """Return a standing offer; with an auction, what of it entered that (no order: nothing was backed)."""
    view = {
        "standing_offer_id": public_id("standing_offer", offer.id),
        "instrument": offer.instrument.symbol,
        "price_ticks": offer.price_ticks,
        "quantity_lots": offer.quantity_lots,
        "created_at": rfc3339(offer.created_at),
        "withdrawn_at": rfc3339(offer.withdrawn_at) if offer.withdrawn_at else None,
    }
    if auction_id is not None:
        view["auction_id"] = public_id("auction", auction_id)
        view["order_id"] = public_id("order", order.id) if order else None
        view["entered_lots"] = order.quantity_lots if order else 0
    return view


def refusal(error: CuxError) -> Verdict:
    """Return the verdict that says why not: the one error shape without its request id."""
    body = error.body("")
    del body["error"]["request_id"]
    return Verdict(error.status, body)


def tape_view(trade: Trade) -> dict[str, Any]:
    """Return a trade as everybody sees it."""
    view = {
        "trade_id": public_id("trade", trade.id),
        "instrument": trade.instrument.symbol,
        "seq": trade.sequence,
        "price_ticks": trade.price_ticks,
        "quantity_lots": trade.quantity_lots,
        "taker_side": "buy" if trade.taker_is_buyer else "sell",
        "executed_at": rfc3339(trade.traded_at),
    }
    if trade.auction_id is not None:
        view["auction_id"] = public_id("auction", trade.auction_id)
    if not trade.is_printed:
        view |= {flag: True for flag in ("is_self", "is_selective", "is_resale") if getattr(trade, flag)}
    return view


def trade_view(trade: Trade, *, is_buyer: bool) -> dict[str, Any]:
    """Return a trade as one of its sides sees it."""
    return tape_view(trade) | {
        "order_id": public_id("order", trade.buy_order_id if is_buyer else trade.sell_order_id),
        "role": "taker" if trade.taker_is_buyer == is_buyer and trade.auction_id is None else "maker",
        "fee_nano_usd": trade.buyer_fee_nano_usd if is_buyer else trade.seller_fee_nano_usd,
    }
