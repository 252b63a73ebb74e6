"""A provider may say that it was wronged; an operator decides, and what was taken comes back."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.services.claw_back import Recovered, claw_back_return
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from inference.locks import provider_lock
from inference.models import AuditFailure, Provider, ReputationEvent
from inference.verification.tiers import tier_of

WINDOW: Final = timedelta(days=30)
Appeal = AuditFailure.Appeal


@transaction.atomic
def appeal_open(
    *, failure_id: uuid.UUID, organisation_id: uuid.UUID, text: str, now: datetime
) -> AuditFailure:
    """This function will open a provider's appeal against a failure, once and within thirty days.

    Raises:
        CuxError: NOT_FOUND, the provider has no such failure; APPEAL_NOT_POSSIBLE, it was opened before or
            the time is over.
    """
    provider, failure = _lock(failure_id)
    if provider.organisation_id != organisation_id:
        raise CuxError(Code.NOT_FOUND, "There is no such failure.")
    if failure.appeal != Appeal.NONE or now > failure.failed_at + WINDOW:
        raise CuxError(Code.APPEAL_NOT_POSSIBLE)
    failure.appeal, failure.appeal_text, failure.appealed_at = Appeal.OPEN, text, now
    failure.save(update_fields=["appeal", "appeal_text", "appealed_at"])
    _note(failure, provider, ReputationEvent.Kind.APPEALED, "the provider appealed", now)
    return failure


@transaction.atomic
def appeal_decide(*, failure_id: uuid.UUID, upheld: bool, decision: str, now: datetime) -> AuditFailure:
    """This function will decide an open appeal; upheld, what was taken and the tier come back.

    A tier stays low while a later failure stands, which then gives back this one's. What buyers were credited
    stays theirs: the house pays for its own mistake.

    Raises:
        CuxError: NOT_FOUND, there is no such failure; APPEAL_NOT_POSSIBLE, no appeal is open.
    """
    provider, failure = _lock(failure_id)
    if failure.appeal != Appeal.OPEN:
        raise CuxError(Code.APPEAL_NOT_POSSIBLE)
    failure.appeal = Appeal.UPHELD if upheld else Appeal.REJECTED
    failure.decision, failure.decided_at = decision, now
    failure.save(update_fields=["appeal", "decision", "decided_at"])
    if upheld:
        claw_back_return(
            provider_id=provider.organisation_id,
            recovered=Recovered(
                failure.taken_nano_usd, failure.earnings_taken_nano_usd, failure.credited_nano_usd
            ),
            key=str(failure.id),
            now=now,
        )
        _restore_tier(provider, failure)
    kind = ReputationEvent.Kind.APPEAL_UPHELD if upheld else ReputationEvent.Kind.APPEAL_REJECTED
    _note(failure, provider, kind, decision[:200], now)
    audit_note(
        Action.APPEAL_DECIDED, str(failure.id), organisation_id=provider.organisation_id, upheld=upheld
    )
    return failure


def _restore_tier(provider: Provider, failure: AuditFailure) -> None:
    later = AuditFailure.objects.filter(provider=provider, failed_at__gt=failure.failed_at)
    standing = later.exclude(appeal=Appeal.UPHELD).order_by("failed_at").first()
    if standing is not None:
        standing.tier_before = failure.tier_before
        standing.save(update_fields=["tier_before"])
        return
    provider.trust_tier = failure.tier_before
    provider.hold_back_ppm = tier_of(failure.tier_before).hold_back_ppm
    provider.save(update_fields=["trust_tier", "hold_back_ppm"])


def _lock(failure_id: uuid.UUID) -> tuple[Provider, AuditFailure]:
    provider_id = AuditFailure.objects.filter(id=failure_id).values_list("provider_id", flat=True).first()
    if provider_id is None:
        raise CuxError(Code.NOT_FOUND, "There is no such failure.")
    return provider_lock(provider_id), AuditFailure.objects.get(id=failure_id)


def _note(failure: AuditFailure, provider: Provider, kind: str, detail: str, now: datetime) -> None:
    ReputationEvent.objects.create(
        provider=provider,
        kind=kind,
        tier=provider.trust_tier,
        audit_id=failure.audit_id,
        detail=detail,
        happened_at=now,
    )
