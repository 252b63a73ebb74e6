"""Close an entitlement whose window has ended: take-or-pay for spot, pay-as-used for idle."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry
from billing.selectors.balances import balances
from billing.services.charge_record import Subject, charge_record
from billing.services.document_issue import Line, Reason, service_credit_issue
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import send_to_wallet
from core.ids import public_id
from core.money import PPM, mul_div_floor
from exchange.locks import entitlements_lock
from exchange.models import Entitlement, Instrument
from exchange.services.card_origin import origin_returns, risk_holds
from exchange.services.shares import FeeShares, fee_legs, leg, provider_legs


@dataclass(frozen=True, slots=True)
class ExpirySplit:
    """What an entitlement's end brought: nano-USD to provider, house and buyer, µCU unused.

    The outage credit is what the house gives the buyer back on top, of its own.
    """

    provider_nano_usd: int
    fee_earned_nano_usd: int
    buyer_nano_usd: int
    unused_ucu: int
    outage_credit_nano_usd: int = 0


def split_at_expiry(*, escrow: int, fee: int, availability_ppm: int, delivery: str) -> tuple[int, int, int]:
    """Return (provider, fee earned, buyer) of what is left at the end of a window, in nano-USD.

    Spot is take-or-pay: ⌊R·a ÷ 10^6⌋ to the provider and the rest to the buyer; idle is pay-as-used: all
    to the buyer. The deferred fee left is split likewise (ARCHITECTURE, "Expiry").
    """
    if not 0 <= availability_ppm <= PPM:
        raise ValueError(f"Expected 0 to {PPM} ppm, was {availability_ppm}")
    share_ppm = availability_ppm if delivery == Instrument.Delivery.SPOT else 0
    provider = mul_div_floor(escrow, share_ppm, PPM)
    earned = mul_div_floor(fee, share_ppm, PPM)
    return provider, earned, escrow - provider + fee - earned


@transaction.atomic
def entitlement_expire(
    *,
    entitlement_id: uuid.UUID,
    availability_ppm: int,
    hold_back_ppm: int,
    now: datetime,
    outage_ppm: int = 0,
) -> ExpirySplit | None:
    """This function will close an entitlement, once, by one ledger entry.

    Of the availability `outage_ppm` is owed to outages of the exchange: the provider is paid for it, and the
    house gives it back to the buyer by an entry of its own, with a credit note.

    Returns None, and does nothing, while its window runs, while a job still has a part of it
    reserved, or if it is closed already. What the buyer gets back goes to funding and on to the
    wallet through the outbox.
    """
    row = entitlements_lock(entitlement_ids=[entitlement_id])[entitlement_id]
    compute, escrow = row.account(Kind.ENTITLEMENT), row.account(Kind.ESCROW)
    balance = balances([compute])[compute]
    if row.state != Entitlement.State.LIVE or row.ends_at > now or balance.held:
        return None
    unused = balance.posted
    escrow_left, fee_left = row.released(undrawn_ucu=unused, amount_ucu=unused)
    provider, earned, buyer = split_at_expiry(
        escrow=escrow_left,
        fee=fee_left,
        availability_ppm=availability_ppm,
        delivery=row.instrument.delivery,
    )
    funding = of_organisation(Kind.FUNDING, row.holder_id)
    legs = [
        *leg(compute, row.account(Kind.ISSUE), unused),
        *provider_legs(escrow, row.provider_id, provider, hold_back_ppm),
        *fee_legs(earned, FeeShares(settings.INSURANCE_SHARE_PPM, settings.PUBLIC_ACCESS_SHARE_PPM)),
        *leg(escrow, funding, escrow_left - provider),
        *leg(of_house(Kind.DEFERRED_FEES), funding, fee_left - earned),
    ]
    if legs:
        entry = JournalEntry(f"expire:{row.id}", "expire", tuple(legs), now, ref=f"entitlement:{row.id}")
        holds = risk_holds([(row, provider)], hold_back_ppm=lambda _: hold_back_ppm, now=now)
        ledger_post(entries=[entry], placements=holds, now=now)
    if provider or earned:
        _charge(row, unused, provider, earned, now)
    if buyer:
        origin_returns(row, buyer)
        send_to_wallet(organisation_id=row.holder_id, amount_nano_usd=buyer, key=f"expire:{row.id}", now=now)
    Entitlement.objects.filter(id=row.id).update(state=Entitlement.State.EXPIRED, closed_at=now)
    credit = 0
    if outage_ppm:
        less, fee_less, _ = split_at_expiry(
            escrow=escrow_left,
            fee=fee_left,
            availability_ppm=availability_ppm - outage_ppm,
            delivery=row.instrument.delivery,
        )
        credit = provider + earned - less - fee_less
    if credit:
        _credit_outage(row, credit, now)
    return ExpirySplit(provider, earned, buyer, unused, credit)


def _charge(row: Entitlement, unused_ucu: int, provider: int, earned: int, now: datetime) -> None:
    """Write down what expiry charged the buyer for compute that was there and not drawn."""
    of_class = row.instrument.compute_class
    charge_record(
        subject=Subject(
            kind="take_or_pay",
            subject_id=row.id,
            organisation_id=row.holder_id,
            provider_id=row.provider_id,
            model=of_class.model,
            card_hash=of_class.card_hash,
            compute_ucu=unused_ucu,
        ),
        entry_key=f"expire:{row.id}",
        escrow_nano_usd=provider,
        fee_nano_usd=earned,
        now=now,
    )


def _credit_outage(row: Entitlement, amount_nano_usd: int, now: datetime) -> None:
    """Give back, out of the house's income, what expiry charged for time in which the exchange was away."""
    key = f"outage:{row.id}"
    legs = leg(of_house(Kind.FEE_INCOME), of_organisation(Kind.FUNDING, row.holder_id), amount_nano_usd)
    entry = JournalEntry(key, "service_credit", tuple(legs), now, ref=f"entitlement:{row.id}")
    ledger_post(entries=[entry], now=now)
    send_to_wallet(organisation_id=row.holder_id, amount_nano_usd=amount_nano_usd, key=key, now=now)
    of_class = row.instrument.compute_class
    line = Line(
        f"Compute of {of_class.model} that could not be used: the exchange was away",
        amount_nano_usd,
        detail=f"Entitlement {public_id('entitlement', row.id)}, until {row.ends_at:%d %B %Y, %H:%M} UTC",
        card_hash=of_class.card_hash,
    )
    service_credit_issue(
        organisation_id=row.holder_id, entry_key=key, reason=Reason.OUTAGE, line=line, now=now
    )
