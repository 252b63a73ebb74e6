"""What the verifier found of a job is added to what is known of its provider."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from django.db import transaction

from inference.locks import provider_lock
from inference.models import Audit, AuditStanding, ReputationEvent
from inference.services.provider_fail import provider_fail
from inference.verification import detectors
from inference.verification.eprocess import ONE
from inference.verification.evidence import TokenEvidence
from inference.verification.scores import job_score

_MICRO: Final = 1_000_000


@transaction.atomic
def audit_record(
    *, audit_id: uuid.UUID, tokens: Sequence[TokenEvidence], ends_by_itself: bool, now: datetime
) -> Audit:
    """This function will score an audited job and bet on it; a provider that is refuted fails at once.

    `ends_by_itself`: the caller did not choose where the answer ends. Any number of calls record it once.
    The provider's row is the lock: audits of it take turns.
    """
    provider = provider_lock(Audit.objects.values_list("provider_id", flat=True).get(id=audit_id))
    audit = Audit.objects.select_related("job").get(id=audit_id)
    if audit.state != Audit.State.DRAWN:
        return audit
    score = job_score(tokens, ends_by_itself=ends_by_itself)
    if score is None:
        return audit_give_up(audit=audit, error="too_few_tokens", now=now)
    row, _ = AuditStanding.objects.get_or_create(
        provider=provider,
        model_id=audit.model_id,
        defaults={
            "standing": detectors.to_builtins(detectors.fresh()),
            "since": provider.enrolled_at or audit.drawn_at,
        },
    )
    standing = detectors.after(detectors.from_builtins(row.standing), score)
    row.standing = detectors.to_builtins(standing)
    row.save(update_fields=["standing"])
    audit.state, audit.done_at, audit.score = Audit.State.DONE, now, asdict(score)
    audit.evidence_micro = detectors.e_value(standing) * _MICRO // ONE
    audit.save(update_fields=["state", "done_at", "score", "evidence_micro"])
    ReputationEvent.objects.create(
        provider=provider,
        kind=ReputationEvent.Kind.AUDIT_DONE,
        tier=provider.trust_tier,
        audit=audit,
        detail=f"evidence against it {audit.evidence_micro:,} millionths after {standing.jobs} audits",
        happened_at=now,
    )
    if detectors.is_refuted(standing):
        provider_fail(provider=provider, audit=audit, standing=row, now=now)
    return audit


def audit_give_up(*, audit: Audit, error: str, now: datetime) -> Audit:
    """This function will end an audit without a finding: that we could not look says nothing of anybody."""
    Audit.objects.filter(id=audit.id, state=Audit.State.DRAWN).update(
        state=Audit.State.GIVEN_UP, done_at=now, error=error[:80]
    )
    audit.refresh_from_db()
    return audit
