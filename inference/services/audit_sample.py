"""Is this settled job audited? The day's secret decides, not somebody."""

from datetime import UTC, datetime
from typing import Final

from core.ids import public_id
from inference.models import Audit, AuditDay, Job, Lease
from inference.retention import KEPT
from inference.verification.lottery import drawn_attempt, is_drawn
from inference.verification.scores import LEAST_TOKENS
from inference.verification.tiers import tier_of

PLAIN: Final = frozenset(
    {
        *("temperature_milli", "top_p_ppm", "seed", "seed_given", "stop", "resumable"),
        *("logprobs", "top_logprobs"),
    }
)
"""What the verifier can follow of how tokens are drawn; whatever else is set, the job is not drawn."""


def audit_sample(*, job: Job, now: datetime) -> Audit | None:
    """This function will draw the job for an audit, or not, in the settlement's transaction.

    Only jobs of classes that keep prompts for a while are drawn, whose tokens were drawn in a way that can be
    followed, by a seed that the exchange chose: who chooses it can look for one at which honest engines
    differ. Of an answer that several gave one attempt is looked at, whole or not: else who gives up on its
    answers is never. A job of a day without a commitment is not drawn.
    """
    day = AuditDay.objects.filter(day=now.astimezone(UTC).date(), published_at__lte=now).first()
    if day is None or not _can_be_followed(job):
        return None
    lease = _attempt(job, bytes(day.secret))
    if lease is None or lease.output_tokens < LEAST_TOKENS:
        return None
    share = tier_of(lease.provider.trust_tier).audit_ppm
    if not is_drawn(secret=bytes(day.secret), job_id=public_id("job", job.id), share_ppm=share):
        return None
    return Audit.objects.create(
        job=job, provider_id=lease.provider_id, model_id=job.model_id, share_ppm=share, drawn_at=now
    )


def _attempt(job: Job, secret: bytes) -> Lease | None:
    """Return the attempt that is looked at, of those that delivered something, whole or not."""
    leases = list(job.leases.filter(output_tokens__gt=0).select_related("provider").order_by("epoch"))
    if not leases:
        return None
    return leases[drawn_attempt(secret=secret, job_id=public_id("job", job.id), attempts=len(leases))]


def _can_be_followed(job: Job) -> bool:
    return (
        bool(KEPT[job.model.compute_class.retention])
        and not any(value for name, value in job.sampling.items() if name not in PLAIN)
        and not (job.sampling.get("seed_given") and job.sampling["temperature_milli"])
    )
