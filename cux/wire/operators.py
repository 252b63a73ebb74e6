"""What operators of the exchange say: kill switches, limits of accounts, busts of trades.

Units as in `cux.wire.orders`.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from cux.wire.fields import Count, Id, Instant, Int64, Positive, Text
from cux.wire.orders import Instrument

Reason = Annotated[str, Meta(min_length=1, max_length=200)]


class KillInstrument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Halt an instrument and cancel every order on it."""

    instrument: Instrument


class AccountRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for one account: blocked or not (blocking cancels its orders), fee tier, limits.

    Null limits are the instrument's.
    """

    is_blocked: bool
    reason: Text = ""
    fee_tier: Annotated[int, Meta(ge=0, le=99)] = 0
    max_open_orders: Count | None = None
    max_notional_nano_usd: Int64 | None = None


class BustRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operator's word that a trade is to be undone; another one has to approve it."""

    trade_id: Id
    reason: Reason


class BustView(msgspec.Struct, frozen=True, kw_only=True):
    """A bust: asked for, and done once another operator approved it."""

    trade_id: Id
    instrument: Instrument
    price_ticks: Int64
    quantity_lots: Positive
    reason: str
    requested_by: Id
    approved_by: Id | None = None
    requested_at: Instant
    busted_at: Instant | None = None
