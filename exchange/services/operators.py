"""What operators ask of the sequencer: kill switches, limits, fee tiers. What is asked is audited first."""

import uuid
from typing import Any

from django.db import transaction

from accounts.models import Organisation
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.ids import public_id
from exchange.engine.orders import Phase
from exchange.sequencer.auctions import AuctionKind, Periods
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import (
    EXCHANGE_ID,
    Kill,
    SetAccount,
    SetFeeTier,
    SetPhase,
    StartAuction,
    Verdict,
)


def account_set(
    *,
    organisation_id: uuid.UUID,
    is_blocked: bool,
    reason: str,
    fee_tier: str,
    max_open_orders: int | None,
    max_notional_nano_usd: int | None,
    key: str,
) -> Verdict:
    """This function will set what an account may do, all of it anew, and cancel its orders if it is blocked.

    Raises:
        CuxError: NOT_FOUND, no such organisation; SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY.
    """
    if not Organisation.objects.filter(id=organisation_id).exists():
        raise CuxError(Code.NOT_FOUND, "There is no such organisation.")
    _audit(
        Action.ACCOUNT_SET,
        public_id("organisation", organisation_id),
        organisation_id=organisation_id,
        is_blocked=is_blocked,
        reason=reason,
        fee_tier=fee_tier,
        max_open_orders=max_open_orders,
        max_notional_nano_usd=max_notional_nano_usd,
    )
    return submit_sync(
        SetAccount(
            organisation_id=organisation_id,
            is_blocked=is_blocked,
            reason=reason,
            fee_tier=fee_tier,
            max_open_orders=max_open_orders,
            max_notional_nano_usd=max_notional_nano_usd,
            key=operator_key(key),
        )
    )


def fee_tier_set(*, instrument: str, tier: str, maker_fee_ppm: int, taker_fee_ppm: int, key: str) -> Verdict:
    """This function will set a tier's fees on an instrument, for orders placed from now on.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY.
    """
    fees = {"maker_fee_ppm": maker_fee_ppm, "taker_fee_ppm": taker_fee_ppm}
    _audit(Action.FEE_TIER_SET, instrument, tier=tier, **fees)
    return submit_sync(
        SetFeeTier(
            instrument=instrument,
            tier=tier,
            maker_fee_ppm=maker_fee_ppm,
            taker_fee_ppm=taker_fee_ppm,
            key=operator_key(key),
        )
    )


def instrument_kill(*, instrument: str, key: str) -> Verdict:
    """This function will cancel all orders on an instrument and halt it.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY.
    """
    _audit(Action.INSTRUMENT_KILLED, instrument)
    return submit_sync(Kill(instrument, operator_key(key)))


def phase_set(*, instrument: str, phase: Phase, key: str) -> Verdict:
    """This function will change the trading phase of an instrument.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY.
    """
    _audit(Action.PHASE_SET, instrument, phase=phase)
    return submit_sync(SetPhase(instrument, phase, operator_key(key)))


def auction_start(
    *, instrument: str, kind: AuctionKind, periods: Periods, then_phase: Phase, key: str
) -> Verdict:
    """This function will start a call auction; one key starts one auction.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY.
    """
    command = StartAuction(
        instrument=instrument,
        auction_id=uuid.uuid5(EXCHANGE_ID, operator_key(key)),
        kind=kind,
        **periods._asdict(),
        then_phase=then_phase,
        key=operator_key(key),
    )
    _audit(Action.AUCTION_STARTED, instrument, kind=kind, then_phase=then_phase)
    return submit_sync(command)


@transaction.atomic
def _audit(action: Action, subject: str, **detail: Any) -> None:
    audit_note(action, subject, **detail)


def operator_key(key: str) -> str:
    """Return the key under which the sequencer knows an operator's: no caller's own holds a space."""
    return f"operator {key}"
