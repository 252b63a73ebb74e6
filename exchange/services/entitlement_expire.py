"""Close an entitlement whose window has ended: take-or-pay for spot, pay-as-used for idle."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from billing.ledger.chart import Kind, of_entitlement, of_house, of_organisation
from billing.ledger.posting import JournalEntry
from billing.services.balances_lock import balances_lock
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import to_transit
from core.money import PPM, mul_div_floor
from core.outbox import outbox_add
from exchange.models import Entitlement, Instrument
from exchange.services.shares import FeeShares, fee_legs, leg, provider_legs


@dataclass(frozen=True, slots=True)
class ExpirySplit:
    """What an entitlement's end brought: nano-USD to provider, house and buyer, µCU unused."""

    provider_nano_usd: int
    fee_earned_nano_usd: int
    buyer_nano_usd: int
    unused_ucu: int


def split_at_expiry(*, escrow: int, fee: int, availability_ppm: int, delivery: str) -> tuple[int, int, int]:
    """Return (provider, fee earned, buyer) of what is left at the end of a window, in nano-USD.

    Spot is take-or-pay: ⌊R·a ÷ 10^6⌋ to the provider and the rest to the buyer; idle is pay-as-used: all
    to the buyer. The deferred fee left is split likewise (ARCHITECTURE, "Expiry").
    """
    share_ppm = availability_ppm if delivery == Instrument.Delivery.SPOT else 0
    provider = mul_div_floor(escrow, share_ppm, PPM)
    earned = mul_div_floor(fee, share_ppm, PPM)
    return provider, earned, escrow - provider + fee - earned


def entitlement_expire(
    *, entitlement_id: uuid.UUID, availability_ppm: int, hold_back_ppm: int, now: datetime
) -> ExpirySplit | None:
    """This function will close an entitlement in the caller's transaction, once, by one ledger entry.

    Returns None, and does nothing, while its window runs, while a job still has a part of it
    reserved, or if it is closed already. What the buyer gets back goes to funding and on to the
    wallet through the outbox.
    """
    row = (
        Entitlement.objects.select_for_update(no_key=True, of=("self",))
        .select_related("instrument")
        .get(id=entitlement_id)
    )
    if row.state != Entitlement.State.LIVE or row.ends_at > now:
        return None
    compute_class = row.instrument.compute_class_id
    compute = of_entitlement(Kind.ENTITLEMENT, row.id, compute_class)
    escrow = of_entitlement(Kind.ESCROW, row.id, compute_class)
    balances = balances_lock(accounts=[compute, escrow])
    unused = balances[compute].posted
    if balances[compute].held:
        return None
    fee_left = row.fee_nano_usd - mul_div_floor(row.fee_nano_usd, row.quantity_ucu - unused, row.quantity_ucu)
    provider, earned, buyer = split_at_expiry(
        escrow=balances[escrow].posted,
        fee=fee_left,
        availability_ppm=availability_ppm,
        delivery=row.instrument.delivery,
    )
    funding = of_organisation(Kind.FUNDING, row.holder_id)
    legs = [
        *leg(compute, of_entitlement(Kind.ISSUE, row.id, compute_class), unused),
        *provider_legs(escrow, row.provider_id, provider, hold_back_ppm),
        *fee_legs(earned, FeeShares(settings.INSURANCE_SHARE_PPM, settings.PUBLIC_ACCESS_SHARE_PPM)),
        *leg(escrow, funding, balances[escrow].posted - provider),
        *leg(of_house(Kind.DEFERRED_FEES), funding, fee_left - earned),
    ]
    if legs:
        entry = JournalEntry(f"expire:{row.id}", "expire", tuple(legs), now, ref=f"entitlement:{row.id}")
        ledger_post(entries=[entry], now=now)
    if buyer:
        return_to_wallet(
            organisation_id=row.holder_id, amount_nano_usd=buyer, key=f"expire:{row.id}", now=now
        )
    Entitlement.objects.filter(id=row.id).update(state=Entitlement.State.EXPIRED, closed_at=now)
    return ExpirySplit(provider, earned, buyer, unused)


def return_to_wallet(*, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, now: datetime) -> None:
    """This function will send funding on to the trading wallet, which only the sequencer may write."""
    to_transit(
        organisation_id=organisation_id, amount_nano_usd=amount_nano_usd, key=f"{key}:transit", now=now
    )
    outbox_add(
        topic="wallet.fund",
        payload={
            "organisation_id": str(organisation_id),
            "amount_nano_usd": amount_nano_usd,
            "key": f"{key}:fund",
        },
    )
