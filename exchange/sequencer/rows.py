"""The rows that a batch writes, as the columns of `store` name them."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from core.binary import bigints, byteas, texts, uuids
from core.ids import new_id
from exchange.sequencer.announce import Told
from exchange.sequencer.bulk import Row
from exchange.sequencer.changes import Changes, Journaled
from exchange.sequencer.money import Trade
from exchange.sequencer.protocol import kind_of, owner_of
from exchange.sequencer.state import OrderState

_pack = msgspec.msgpack.Encoder().encode
_encode = msgspec.json.Encoder().encode


def order_row(order: OrderState, now: datetime) -> Row:
    """Return an order as it stands."""
    return {
        "id": order.id,
        "instrument_id": order.instrument.id,
        "organisation_id": order.organisation_id,
        "beneficiary_id": order.beneficiary_id,
        "client_order_id": order.client_order_id,
        "side": order.side,
        "type": order.type,
        "time_in_force": order.tif,
        "post_only": order.post_only,
        "self_trade_prevention": order.stp,
        "display_lots": order.display_lots,
        "min_lots": order.min_lots,
        "budget_nano_usd": order.budget_nano_usd,
        "expires_at": order.expires_at,
        "entitlement_id": order.entitlement_id,
        "maker_fee_ppm": order.maker_fee_ppm,
        "taker_fee_ppm": order.taker_fee_ppm,
        "created_at": order.created_at,
        "price_ticks": order.price_ticks,
        "limit_ticks": order.limit_ticks,
        "slice_lots": order.slice_lots,
        "auction_id": order.auction_id,
        "quantity_lots": order.quantity_lots,
        "leaves_lots": order.leaves_lots,
        "cumulative_lots": order.cumulative_lots,
        "notional_nano_usd": order.notional_nano_usd,
        "fee_nano_usd": order.fee_nano_usd,
        "status": order.status,
        "reason": order.reason,
        "priority": order.priority,
        "updated_at": now,
    }


def trade_row(trade: Trade) -> Row:
    """Return a trade."""
    return {
        "id": trade.id,
        "instrument_id": trade.instrument.id,
        "sequence": trade.sequence,
        "price_ticks": trade.price_ticks,
        "quantity_lots": trade.quantity_lots,
        "notional_nano_usd": trade.notional_nano_usd,
        "buyer_fee_nano_usd": trade.buyer_fee_nano_usd,
        "seller_fee_nano_usd": trade.seller_fee_nano_usd,
        "taker_side": "buy" if trade.taker_is_buyer else "sell",
        "buy_order_id": trade.buy_order_id,
        "sell_order_id": trade.sell_order_id,
        "traded_at": trade.traded_at,
        "is_self": trade.is_self,
        "is_selective": trade.is_selective,
        "is_resale": trade.is_resale,
        "auction_id": trade.auction_id,
    }


def entitlement_rows(trade: Trade) -> list[Row]:
    """Return what a trade gives to whom."""
    return [
        {
            "id": holding.entitlement_id,
            "trade_id": trade.id,
            "instrument_id": trade.instrument.id,
            "holder_id": holding.holder_id,
            "provider_id": trade.provider_id,
            "origin_id": trade.source and trade.source.entitlement_id,
            "quantity_ucu": holding.quantity_ucu,
            "escrow_nano_usd": holding.escrow_nano_usd,
            "fee_nano_usd": holding.fees_nano_usd,
            "starts_at": trade.traded_at,
            "ends_at": trade.ends_at,
            "state": "live",
        }
        for holding in trade.holdings
    ]


def capacity_row(claim: tuple[uuid.UUID, str], changes: Changes) -> Row:
    """Return what a provider was measured to deliver in a class."""
    backing = changes.backings[claim]
    return {
        "id": new_id(),
        "organisation_id": claim[0],
        "compute_class_id": claim[1],
        "rate_ucu_per_s": backing.rate_ucu_per_s,
        "tier_factor_ppm": backing.tier_factor_ppm,
        "updated_at": changes.now,
    }


def dead_man_rows(changes: Changes) -> list[Row]:
    """Return the switches that were set."""
    return [{"organisation_id": id, **switch._asdict()} for id, switch in changes.dead_men.items()]


def journal_columns(journal: Sequence[Journaled]) -> list[bytes]:
    """Return commands with their verdicts and effects, as arrays."""
    return [
        bigints([each.sequence for each in journal]),
        texts([kind_of(each.command).encode() for each in journal]),
        uuids([owner_of(each.command) for each in journal]),
        texts([each.key.encode() if each.key is not None else None for each in journal]),
        byteas([each.body_sha256 for each in journal]),
        texts([_encode(each.command) for each in journal]),
        texts([_encode(each.verdict) for each in journal]),
        byteas([_pack(each.effects) if each.effects else None for each in journal]),
    ]


def phase_rows(changes: Changes) -> list[Row]:
    """Return the phases that changed."""
    return [
        {"id": change.market.instrument.id, "phase": change.phase}
        for change in changes.markets.values()
        if change.phase is not None
    ]


def event_columns(events: Sequence[Told]) -> list[bytes]:
    """Return events as arrays: whose each is, its number, its JSON."""
    return [
        uuids([event.owner_id for event in events]),
        bigints([event.sequence for event in events]),
        texts([event.payload for event in events]),
    ]


def announcements(changes: Changes) -> list[bytes]:
    """Return the notifications as arrays: of markets with their number of trades, of accounts."""
    markets = [
        _encode({"instrument": symbol, "trades": len(change.trades)})
        for symbol, change in changes.markets.items()
    ]
    return [texts(markets), uuids(list(changes.accounts))]
