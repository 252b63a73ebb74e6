"""The SQL of what changes seldom: accounts' limits and fee tiers, auctions, standing offers, resale."""

import uuid
from datetime import datetime

import msgspec

from core.ids import new_id
from exchange.sequencer.auctions import AuctionState
from exchange.sequencer.bulk import Row, bulk
from exchange.sequencer.changes import Changes
from exchange.sequencer.money import Trade
from exchange.sequencer.resale import Lodged
from exchange.sequencer.state import StandingOffer

_TRADING_ACCOUNTS = bulk(
    "exchange_tradingaccount",
    {
        "organisation_id": "uuid",
        "is_blocked": "boolean",
        "reason": "text",
        "fee_tier": "text",
        "max_open_orders": "integer",
        "max_notional_nano_usd": "bigint",
    },
    "ON CONFLICT (organisation_id) DO UPDATE SET is_blocked = EXCLUDED.is_blocked, reason = EXCLUDED.reason,"
    " fee_tier = EXCLUDED.fee_tier, max_open_orders = EXCLUDED.max_open_orders,"
    " max_notional_nano_usd = EXCLUDED.max_notional_nano_usd",
)
_FEE_TIERS = bulk(
    "exchange_feetier",
    {"instrument_id": "uuid", "tier": "text", "maker_fee_ppm": "integer", "taker_fee_ppm": "integer"},
    "ON CONFLICT (instrument_id, tier) DO UPDATE SET maker_fee_ppm = EXCLUDED.maker_fee_ppm,"
    " taker_fee_ppm = EXCLUDED.taker_fee_ppm",
)
_RETURNED = """
    UPDATE exchange_entitlement e SET state = r.state, closed_at = r.closed_at
    FROM json_to_recordset($1::json) AS r (id uuid, state text, closed_at timestamptz) WHERE e.id = r.id"""
# Shares of fees that are earned at once go to accounts that settlement locks too: not in a batch.
_OUTBOX = bulk(
    "core_outboxmessage", {"id": "uuid", "topic": "text", "payload": "jsonb", "attempts": "integer"}
)
# Card money's origin follows the price of compute sold on: lots are locked by settlement, so not here either,
# but noted in the trade's own transaction.
_CARD_PASSINGS = bulk(
    "billing_cardpassing", {"payer_id": "uuid", "receiver_id": "uuid", "amount_nano_usd": "bigint"}
)

_AUCTION_FIXED = {
    "id": "uuid",
    "instrument_id": "uuid",
    "kind": "text",
    "reference_ticks": "bigint",
    "started_at": "timestamptz",
    "no_cancel_at": "timestamptz",
    "close_from_at": "timestamptz",
    "closes_at": "timestamptz",
    "then_phase": "text",
    "delivers_until": "timestamptz",
}
_AUCTION_CHANGING = {
    "state": "text",
    "ended_at": "timestamptz",
    "price_ticks": "bigint",
    "volume_lots": "bigint",
    "surplus_lots": "bigint",
}
_AUCTIONS = bulk(
    "exchange_auction",
    _AUCTION_FIXED | _AUCTION_CHANGING,
    "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = EXCLUDED.{name}" for name in _AUCTION_CHANGING),
)
_STANDING_OFFERS = bulk(
    "exchange_standingoffer",
    {
        "id": "uuid",
        "organisation_id": "uuid",
        "instrument_id": "uuid",
        "price_ticks": "bigint",
        "quantity_lots": "bigint",
        "created_at": "timestamptz",
        "withdrawn_at": "timestamptz",
    },
    "ON CONFLICT (id) DO UPDATE SET withdrawn_at = EXCLUDED.withdrawn_at",
)


def records(changes: Changes) -> list[tuple[str, list[Row]]]:
    """Return the statements with their rows."""
    return [
        (_TRADING_ACCOUNTS, [_account_row(id, changes) for id in changes.terms]),
        (_FEE_TIERS, [_tier_row(key, changes) for key in changes.tiers]),
        (_AUCTIONS, [_auction_row(auction) for auction in changes.auctions.values()]),
        (_STANDING_OFFERS, [_standing_row(offer) for offer in changes.standing.values()]),
        (_RETURNED, [_returned_row(lodged, changes.now) for lodged in changes.returned.values()]),
        (_OUTBOX, [_earned_row(trade) for trade in changes.trades if trade.is_resale]),
        (_CARD_PASSINGS, [_passing_row(trade) for trade in changes.trades if _passes_on(trade)]),
    ]


def _account_row(organisation_id: uuid.UUID, changes: Changes) -> Row:
    return {"organisation_id": organisation_id, **msgspec.structs.asdict(changes.terms[organisation_id])}


def _tier_row(key: tuple[uuid.UUID, str], changes: Changes) -> Row:
    rates = changes.tiers[key]
    instrument_id, tier = key
    return {
        "instrument_id": instrument_id,
        "tier": tier,
        "maker_fee_ppm": rates.maker_ppm,
        "taker_fee_ppm": rates.taker_ppm,
    }


def _auction_row(auction: AuctionState) -> Row:
    return {name: getattr(auction, name) for name in (*_AUCTION_FIXED, *_AUCTION_CHANGING)}


def _standing_row(offer: StandingOffer) -> Row:
    return {
        "id": offer.id,
        "organisation_id": offer.organisation_id,
        "instrument_id": offer.instrument.id,
        "price_ticks": offer.price_ticks,
        "quantity_lots": offer.quantity_lots,
        "created_at": offer.created_at,
        "withdrawn_at": offer.withdrawn_at,
    }


def _returned_row(lodged: Lodged, now: datetime) -> Row:
    if lodged.left_ucu:
        return {"id": lodged.id, "state": "live", "closed_at": None}
    return {"id": lodged.id, "state": "sold", "closed_at": now}


def _earned_row(trade: Trade) -> Row:
    fees = trade.buyer_fee_nano_usd + trade.seller_fee_nano_usd
    payload = {"trade_id": str(trade.id), "fees_nano_usd": fees}
    return {"id": new_id(), "topic": "resale.earned", "payload": payload, "attempts": 0}


def _passes_on(trade: Trade) -> bool:
    return trade.is_resale and trade.buyer_id != trade.seller_id and trade.received_nano_usd > 0


def _passing_row(trade: Trade) -> Row:
    return {
        "payer_id": trade.buyer_id,
        "receiver_id": trade.seller_id,
        "amount_nano_usd": trade.received_nano_usd,
    }
