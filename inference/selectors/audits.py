"""Audits as people see them: a provider its own; everybody the commitments and a provider's reputation."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, time

import msgspec
from django.db.models import QuerySet

from core.clock import rfc3339
from core.ids import public_id
from cux.wire.audits import AuditDayView, AuditFailureView, JobAuditView, ReputationEventView, ReputationView
from cux.wire.receipt_heads import SignedReceiptHeads
from inference.models import Audit, AuditDay, AuditFailure, Provider, ReceiptHeadSet, ReputationEvent
from inference.verification.tiers import tier_of

_EVENTS = 100


def audit_list(
    *, organisation_id: uuid.UUID, before: uuid.UUID | None, limit: int, now: datetime
) -> Sequence[JobAuditView]:
    """Return audits of an organisation's provider, newest first; those that are done, of days revealed."""
    rows = _revealed(now).filter(provider__organisation_id=organisation_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [_audit(row) for row in rows.order_by("-id")[:limit]]


def _today(now: datetime) -> datetime:
    """Return when the day (UTC) began whose secret is not shown yet."""
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC)


def _revealed(now: datetime) -> QuerySet[Audit]:
    return Audit.objects.filter(drawn_at__lt=_today(now)).exclude(state=Audit.State.DRAWN)


def audit_days(*, now: datetime) -> list[AuditDayView]:
    """Return the last 40 days' commitments, newest first, with the secrets of days that are over."""
    today = now.astimezone(UTC).date()
    return [
        AuditDayView(
            day=row.day.isoformat(),
            commitment=row.commitment,
            published_at=rfc3339(row.published_at),
            secret=bytes(row.secret).hex() if row.day < today else None,
        )
        for row in AuditDay.objects.order_by("-day")[:40]
    ]


def reputation_get(*, provider_id: uuid.UUID, now: datetime) -> ReputationView | None:
    """Return what a provider is worth and its last hundred changes, each with its evidence.

    Audits only of days revealed: who knows what was drawn today knows when to cheat.
    """
    provider = Provider.objects.filter(id=provider_id, enrolled_at__isnull=False).first()
    if provider is None:
        return None
    tier = tier_of(provider.trust_tier)
    known = ReputationEvent.objects.filter(provider=provider).exclude(
        kind=ReputationEvent.Kind.AUDIT_DONE, audit__drawn_at__gte=_today(now)
    )
    events = known.order_by("-happened_at", "-id")[:_EVENTS]
    return ReputationView(
        provider_id=public_id("provider", provider.id),
        trust_tier=provider.trust_tier,
        hold_back_ppm=provider.hold_back_ppm,
        audit_ppm=tier.audit_ppm,
        audits=_revealed(now).filter(provider=provider, state=Audit.State.DONE).count(),
        failures=AuditFailure.objects.filter(provider=provider)
        .exclude(appeal=AuditFailure.Appeal.UPHELD)
        .count(),
        events=[
            ReputationEventView(
                kind=row.kind,
                trust_tier=row.tier,
                audit_id=public_id("job_audit", row.audit_id),
                detail=row.detail,
                happened_at=rfc3339(row.happened_at),
            )
            for row in events
        ],
    )


def audit_failure_list(*, organisation_id: uuid.UUID | None = None) -> list[AuditFailureView]:
    """Return an organisation's failures, or (None) those of all, newest first, at most 200."""
    rows = AuditFailure.objects.order_by("-failed_at", "-id")
    if organisation_id is not None:
        rows = rows.filter(provider__organisation_id=organisation_id)
    return [audit_failure_view(row) for row in rows[:200]]


def audit_failure_view(row: AuditFailure) -> AuditFailureView:
    """Return a failure as its provider and operators see it."""
    return AuditFailureView(
        failure_id=public_id("failure", row.id),
        provider_id=public_id("provider", row.provider_id),
        model=str(row.model_id),
        audit_id=public_id("job_audit", row.audit_id),
        since=rfc3339(row.since),
        failed_at=rfc3339(row.failed_at),
        jobs=row.jobs,
        taken_nano_usd=row.taken_nano_usd,
        earnings_taken_nano_usd=row.earnings_taken_nano_usd,
        charged_nano_usd=row.charged_nano_usd,
        credited_nano_usd=row.credited_nano_usd,
        appeal=row.appeal,
        appeal_text=row.appeal_text,
        decision=row.decision,
    )


def receipt_heads_newest() -> SignedReceiptHeads | None:
    """Return the heads of all receipt chains as they were published last."""
    row = ReceiptHeadSet.objects.order_by("-published_at").first()
    return msgspec.json.decode(bytes(row.document), type=SignedReceiptHeads) if row else None


def _audit(row: Audit) -> JobAuditView:
    return JobAuditView(
        audit_id=public_id("job_audit", row.id),
        job_id=public_id("job", row.job_id),
        model=str(row.model_id),
        state=row.state,
        share_ppm=row.share_ppm,
        score=row.score,
        evidence_micro=None if row.evidence_micro is None else str(row.evidence_micro),
        drawn_at=rfc3339(row.drawn_at),
        done_at=rfc3339(row.done_at) if row.done_at else None,
        error=row.error,
    )
