"""Deposits and refunds as their organisation sees them."""

import uuid

from django.db.models import Sum

from billing.models import Deposit, Refund
from billing.rules.refunds import RefundPart
from billing.selectors.refundable import RefundPlan
from core.clock import rfc3339, rfc3339_or_none
from core.errors import Code, CuxError
from core.ids import public_id
from cux.wire.payments import DepositView, RefundPartView, RefundPreview, RefundView


def deposit_list(
    *, organisation_id: uuid.UUID, limit: int, before: uuid.UUID | None = None
) -> list[DepositView]:
    """Return the organisation's deposits, newest first, those older than `before`."""
    rows = Deposit.objects.filter(organisation_id=organisation_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [deposit_view(row) for row in rows.order_by("-id")[:limit]]


def deposit_get(*, organisation_id: uuid.UUID, deposit_id: uuid.UUID | None) -> DepositView:
    """Return one deposit of the organisation. Raises CuxError NOT_FOUND."""
    rows = Deposit.objects.filter(organisation_id=organisation_id)
    row = rows.filter(id=deposit_id).first() if deposit_id is not None else None
    if row is None:
        raise CuxError(Code.NOT_FOUND, "There is no such deposit of this account.")
    return deposit_view(row)


def refund_list(
    *, organisation_id: uuid.UUID, limit: int, before: uuid.UUID | None = None
) -> list[RefundView]:
    """Return the organisation's refunds, newest first, those older than `before`."""
    rows = Refund.objects.filter(organisation_id=organisation_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [refund_view(row) for row in rows.order_by("-id")[:limit]]


def refund_get(*, organisation_id: uuid.UUID, refund_id: uuid.UUID | None) -> RefundView:
    """Return one refund of the organisation. Raises CuxError NOT_FOUND."""
    rows = Refund.objects.filter(organisation_id=organisation_id)
    row = rows.filter(id=refund_id).first() if refund_id is not None else None
    if row is None:
        raise CuxError(Code.NOT_FOUND, "There is no such refund of this account.")
    return refund_view(row)


def refunding_nano_usd(organisation_id: uuid.UUID) -> int:
    """Return what refunds that are under way take from an organisation's balance."""
    under_way = Refund.objects.filter(organisation_id=organisation_id, state__in=Refund.UNFINISHED)
    total: int = under_way.aggregate(total=Sum("amount_nano_usd"))["total"] or 0
    return total


def deposit_view(row: Deposit) -> DepositView:
    """Return what the outside sees of a deposit; where to pay is shown as long as it can be paid there."""
    return DepositView(
        deposit_id=public_id("deposit", row.id),
        status=row.state,  # type: ignore[arg-type]
        method=row.method,  # type: ignore[arg-type]
        amount_nano_usd=row.amount_nano_usd,
        tax_nano_usd=row.tax_nano_usd,
        refunded_nano_usd=row.refunded_nano_usd,
        disputed_nano_usd=row.disputed_nano_usd,
        checkout_url=row.checkout_url if row.state == Deposit.State.OPEN and row.checkout_url else None,
        action_url=row.action_url or None,
        card_brand=row.card_brand or None,
        card_last4=row.card_last4 or None,
        failure_code=row.failure_code or None,
        failure_message=row.failure_message or None,
        created_at=rfc3339(row.created_at),
        finished_at=rfc3339_or_none(row.finished_at),
    )


def refund_view(row: Refund) -> RefundView:
    """Return what the outside sees of a refund."""
    return RefundView(
        refund_id=public_id("refund", row.id),
        request_id=row.request_id.hex,
        deposit_id=public_id("deposit", row.deposit_id),
        status=row.state,  # type: ignore[arg-type]
        amount_nano_usd=row.amount_nano_usd,
        fee_nano_usd=row.fee_nano_usd,
        tax_nano_usd=row.tax_nano_usd,
        card_nano_usd=row.card_nano_usd,
        failure_code=row.failure_code or None,
        failure_message=row.failure_message or None,
        created_at=rfc3339(row.created_at),
        finished_at=rfc3339_or_none(row.finished_at),
    )


def refund_preview(plan: RefundPlan) -> RefundPreview:
    """Return what the outside sees of a refund that has not been asked for."""
    return RefundPreview(
        most_nano_usd=plan.most_nano_usd,
        amount_nano_usd=plan.amount_nano_usd,
        fee_nano_usd=sum(part.fee for part in plan.parts),
        tax_nano_usd=sum(part.tax for part in plan.parts),
        card_nano_usd=sum(part.card for part in plan.parts),
        parts=[_part(part) for part in plan.parts],
    )


def _part(part: RefundPart[Deposit]) -> RefundPartView:
    return RefundPartView(
        deposit_id=public_id("deposit", part.key.id),
        card_brand=part.key.card_brand,
        card_last4=part.key.card_last4,
        amount_nano_usd=part.amount,
        fee_nano_usd=part.fee,
        tax_nano_usd=part.tax,
        card_nano_usd=part.card,
    )
