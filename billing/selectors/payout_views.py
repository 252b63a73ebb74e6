"""Payees, payouts, disputes and reconciliations as they are shown."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings

from billing.ledger.chart import Kind, of_organisation
from billing.models import Deposit, Dispute, Payee, Payout, Reconciliation
from billing.rules.payouts import whole_cents
from billing.selectors.balances import balances
from billing.selectors.debts import debt_of
from billing.selectors.hold_back import hold_back_by_day
from core.clock import rfc3339, rfc3339_or_none
from core.errors import Code, CuxError
from core.ids import public_id
from cux.wire.payouts import DisputeView, HeldBack, PayeeView, PayoutView, ReconciliationView

_JUST_NOW: Final = timedelta(minutes=10)


def payee_get(*, organisation_id: uuid.UUID) -> Payee:
    """Return an organisation's payee. Raises CuxError NOT_FOUND."""
    payee = Payee.objects.filter(organisation_id=organisation_id).first()
    if payee is None:
        raise CuxError(Code.NOT_FOUND, "This account has told nobody yet whom to pay.")
    return payee


def payee_view(payee: Payee, *, hold_back: timedelta, now: datetime) -> PayeeView:
    """Return what the outside sees of a payee whose hold-back matures after `hold_back`."""
    earnings = of_organisation(Kind.EARNINGS, payee.organisation_id)
    found = balances([earnings])[earnings]
    days = hold_back_by_day(organisation_id=payee.organisation_id, since=now - hold_back - timedelta(days=1))
    return PayeeView(
        status=payee.status,  # type: ignore[arg-type]
        country=payee.country,
        bank_last4=payee.bank_last4 or None,
        requirements=payee.requirements,
        disabled_reason=payee.disabled_reason or None,
        payable_nano_usd=whole_cents(max(0, found.available)),
        at_risk_nano_usd=found.held,
        held_back=[
            HeldBack(
                day=day.isoformat(),
                amount_nano_usd=amount,
                matures_on=(day + hold_back + timedelta(days=1)).isoformat(),
            )
            for day, amount in days
        ],
        debt_nano_usd=debt_of(payee.organisation_id),
        least_nano_usd=settings.PAYOUT_MIN_NANO_USD,
        next_payout_at=rfc3339(next_payout_at(payee, now)),
    )


def next_payout_at(payee: Payee, now: datetime) -> datetime:
    """Return from when on the next scheduled payout is decided: today's hour, or tomorrow's."""
    today = now.astimezone(UTC).replace(hour=settings.PAYOUT_HOUR_UTC, minute=0, second=0, microsecond=0)
    is_done = payee.payouts.filter(day=today.date()).exists()
    return today + timedelta(days=1) if is_done else today


def payout_list(
    *, organisation_id: uuid.UUID, limit: int, before: uuid.UUID | None = None
) -> list[PayoutView]:
    """Return the organisation's payouts, newest first, those older than `before`."""
    rows = Payout.objects.filter(payee__organisation_id=organisation_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [payout_view(row) for row in rows.order_by("-id")[:limit]]


def payout_get(*, organisation_id: uuid.UUID, payout_id: uuid.UUID | None) -> PayoutView:
    """Return one payout of the organisation. Raises CuxError NOT_FOUND."""
    rows = Payout.objects.filter(payee__organisation_id=organisation_id)
    row = rows.filter(id=payout_id).first() if payout_id is not None else None
    if row is None:
        raise CuxError(Code.NOT_FOUND, "There is no such payout of this account.")
    return payout_view(row)


def payout_just_taken(*, organisation_id: uuid.UUID, now: datetime) -> Payout | None:
    """Return the payout of the last ten minutes that left less than can be paid out; None if none did."""
    earnings = of_organisation(Kind.EARNINGS, organisation_id)
    if whole_cents(max(0, balances([earnings])[earnings].available)) >= settings.PAYOUT_MIN_NANO_USD:
        return None
    rows = Payout.objects.filter(payee__organisation_id=organisation_id, decided_at__gt=now - _JUST_NOW)
    under_way = rows.filter(state__in=[Payout.State.DECIDED, *Payout.OF_STRIPE])
    return under_way.order_by("-decided_at").first()


def payout_view(row: Payout) -> PayoutView:
    """Return what the outside sees of a payout."""
    return PayoutView(
        payout_id=public_id("payout", row.id),
        status=row.state,  # type: ignore[arg-type]
        day=row.day.isoformat() if row.day is not None else None,
        amount_nano_usd=row.amount_nano_usd,
        block_reason=row.block_reason or None,  # type: ignore[arg-type]
        waiting_for=row.waiting_for or None,
        failure_code=row.failure_code or None,
        failure_message=row.failure_message or None,
        created_at=rfc3339(row.created_at),
        arrives_at=rfc3339_or_none(row.arrives_at),
        finished_at=rfc3339_or_none(row.finished_at),
    )


def dispute_list(
    *, organisation_id: uuid.UUID, limit: int, before: uuid.UUID | None = None
) -> list[DisputeView]:
    """Return the disputes of the organisation's deposits, newest first, those older than `before`."""
    rows = Dispute.objects.filter(organisation_id=organisation_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[:limit])
    payments = Deposit.objects.filter(payment_intent_id__in=[row.payment_intent_id for row in found])
    deposits = dict(payments.values_list("payment_intent_id", "id"))
    return [_dispute_view(row, deposits[row.payment_intent_id]) for row in found]


def _dispute_view(row: Dispute, deposit_id: uuid.UUID) -> DisputeView:
    return DisputeView(
        dispute_id=public_id("dispute", row.id),
        deposit_id=public_id("deposit", deposit_id),
        status=row.state,  # type: ignore[arg-type]
        reason=row.reason,
        amount_nano_usd=row.amount_nano_usd,
        withdrawn_nano_usd=row.withdrawn_nano_usd,
        fee_nano_usd=row.fee_nano_usd,
        reinstated_nano_usd=row.reinstated_nano_usd,
        opened_at=rfc3339(row.opened_at),
        evidence_due_by=rfc3339_or_none(row.evidence_due_by),
    )


def reconciliation_list(*, limit: int = 200) -> list[ReconciliationView]:
    """Return the latest comparisons with Stripe's books, newest first."""
    return [
        ReconciliationView(
            read_at=rfc3339(row.read_at),
            since=rfc3339_or_none(row.since),
            is_clean=row.is_clean,
            breaks=row.breaks,
            undone=row.undone,
            stripe_nano_usd=row.stripe_nano_usd,
            ledger_nano_usd=row.ledger_nano_usd,
            waiting_nano_usd=row.waiting_nano_usd,
            movements=row.movements,
            figures=row.figures,
        )
        for row in Reconciliation.objects.order_by("-id")[:limit]
    ]
