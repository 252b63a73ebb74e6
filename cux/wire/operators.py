"""What operators of the exchange say: kill switches, limits of accounts, busts of trades.

Units as in `cux.wire.orders`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Count, Id, Instant, Int64, Positive
from cux.wire.orders import Instrument, Phase

StartedKind = Literal["scheduled", "open", "reopen", "close"]
"""Those that operators start; a volatility interruption starts itself."""
Step = Annotated[int, Meta(ge=0, le=86_400)]
"""Seconds."""
Reason = Annotated[str, Meta(min_length=1, max_length=200)]


class KillInstrument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Halt an instrument and cancel every order on it."""

    instrument: Instrument


class KilledView(msgspec.Struct, frozen=True, kw_only=True):
    """A killed instrument: its phase, and how many orders were cancelled."""

    instrument: Instrument
    phase: Phase
    canceled: Count


class ChangePhase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another trading phase for an instrument."""

    instrument: Instrument
    phase: Phase


class PhaseView(msgspec.Struct, frozen=True, kw_only=True):
    """The trading phase of an instrument."""

    instrument: Instrument
    phase: Phase


class NewAuction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call auction to hold now: how long its steps last, and the phase that it leaves."""

    instrument: Instrument
    kind: StartedKind
    input_s: Step
    no_cancel_s: Step
    random_close_s: Step
    then_phase: Phase


class StartedAuction(msgspec.Struct, frozen=True, kw_only=True):
    """An auction that has begun, and when it will be over at the latest."""

    auction_id: Id
    closes_by: Instant


class AccountRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for one account: blocked or not (blocking cancels its orders), fee tier, limits.

    Null limits are the instrument's; without a tier its fees are too.
    """

    is_blocked: bool
    reason: Annotated[str, Meta(max_length=200)] = ""
    fee_tier: Annotated[str, Meta(max_length=20)] = ""
    max_open_orders: Count | None = None
    max_notional_nano_usd: Count | None = None


class AccountRulesView(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one account now, and the orders that were cancelled when it was blocked."""

    organisation_id: Id
    is_blocked: bool
    reason: str
    fee_tier: str
    max_open_orders: Count | None = None
    max_notional_nano_usd: Count | None = None
    canceled: list[Id] = []


class FeeTierRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fees of a tier on an instrument, at most the instrument's own, for orders placed from now on."""

    instrument: Instrument
    tier: Annotated[str, Meta(min_length=1, max_length=20)]
    maker_fee_ppm: Count
    taker_fee_ppm: Count


class FeeTierView(msgspec.Struct, frozen=True, kw_only=True):
    """The fees of a tier on an instrument."""

    instrument: Instrument
    tier: str
    maker_fee_ppm: Count
    taker_fee_ppm: Count


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


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern of conduct that somebody should look at, with its figures (`docs/surveillance.md`).

    `references` are some of its trades, orders or auctions. Without instants it is about the whole period,
    without an instrument about all.
    """

    kind: str
    instrument: Instrument | None = None
    accounts: list[Id]
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    figures: dict[str, Int64]
    references: list[Id]
