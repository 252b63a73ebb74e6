"""The drawn jobs are looked at, one by one, by the trusted verifier."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from core.reconcile import for_each
from inference.engines.tokenizer import load_tokenizer
from inference.likelihoods import row_width
from inference.models import Audit, Job
from inference.selectors.answers import answer_ids, answer_rows, prefix_ids, prompt_ids
from inference.services.audit_record import audit_give_up, audit_record
from inference.verification.claims import with_claims
from inference.verification.evidence import Draw, answer_evidence
from inference.verifier import (
    TooLongError,
    Verifier,
    VerifierError,
    VerifierSettings,
    VllmVerifier,
    known_verifiers,
)

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 8
"""Prefills a run: it stays within a task's time."""
AUDITED_WITHIN: Final = timedelta(hours=24)
"""How long a drawn job may wait for the verifier: no longer than any class keeps answers."""
VerifierOf = Callable[[VerifierSettings], Verifier]


def audits_run(*, now: datetime, verifier_of: VerifierOf | None = None) -> int:
    """This function will have the verifier look at jobs that were drawn, oldest first, and record it.

    Level-triggered. While the verifier is away, or a model has none, jobs wait; after a day they are given
    up, and so are those whose prompt or answer was erased, or is longer than the verifier looks at.
    """
    known = known_verifiers()
    waiting = Audit.objects.filter(state=Audit.State.DRAWN, model_id__in=known)
    ids = list(waiting.order_by("drawn_at").values_list("id", flat=True)[:_AT_ONCE])
    for late in Audit.objects.filter(state=Audit.State.DRAWN, drawn_at__lt=now - AUDITED_WITHIN):
        audit_give_up(audit=late, error="not_looked_at_in_time", now=now)
    made = verifier_of or (lambda one: VllmVerifier(one.url))
    return for_each(ids, lambda audit_id: _run(audit_id, known, made, now), name="audits")


def _run(
    audit_id: uuid.UUID, verifiers: Mapping[str, VerifierSettings], verifier_of: VerifierOf, now: datetime
) -> bool:
    audit = Audit.objects.select_related("job__model").get(id=audit_id)
    if audit.state != Audit.State.DRAWN:
        return False
    job, known = audit.job, verifiers[audit.model_id]
    lease = job.leases.get(provider_id=audit.provider_id, output_tokens__gt=0)
    prefix = prefix_ids(job, lease)
    prompt, answer = prompt_ids(job), answer_ids(job, lease)
    if not prompt or not answer:
        audit_give_up(audit=audit, error="erased", now=now)
        return False
    try:
        positions = verifier_of(known).prefill(model=audit.model_id, prompt=[*prompt, *prefix], answer=answer)
    except TooLongError:  # waiting would only keep others from their turn
        audit_give_up(audit=audit, error="too_long", now=now)
        return False
    except VerifierError as error:
        log.warning("verifier_failed", audit_id=str(audit_id), error=str(error))
        return False
    claimed = answer_rows(job, lease)[:: row_width(job.sampling) or 1]
    tokens = with_claims(answer_evidence(positions, _draw(job, known, len(prefix))), positions, claimed)
    audit_record(audit_id=audit_id, tokens=tokens, ends_by_itself=_ends_by_itself(job), now=now)
    return True


def _ends_by_itself(job: Job) -> bool:
    """Tell whether the caller did not choose where the answer ends, by leaving or by a stop sequence."""
    return job.canceled_at is None and not job.sampling["stop"]


def _draw(job: Job, known: VerifierSettings, delivered_before: int) -> Draw:
    """Return how the attempt's tokens were to be drawn; what continues an answer has a seed of its own."""
    return Draw(
        temperature_milli=job.sampling["temperature_milli"],
        top_p_ppm=job.sampling["top_p_ppm"],
        seed=(job.sampling["seed"] + delivered_before) % 2**63,
        sampler=known.sampler,
        end_ids=load_tokenizer(job.model.directory).end_ids,
    )
