"""The SQL of what changes seldom: accounts' limits and fee tiers."""

import uuid

import msgspec

from exchange.sequencer.bulk import Row, bulk
from exchange.sequencer.changes import Changes

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


def records(changes: Changes) -> list[tuple[str, list[Row]]]:
    """Return the statements with their rows."""
    return [
        (_TRADING_ACCOUNTS, [_account_row(id, changes) for id in changes.terms]),
        (_FEE_TIERS, [_tier_row(key, changes) for key in changes.tiers]),
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
