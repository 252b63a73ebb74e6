"""The meter: what a job has used, by our own count of its tokens under its model's card."""

from cux.wire.metering import Usage, usage
from inference.models import Job
from inference.selectors.catalogue import card_of


def metered(job: Job, *, output_tokens: int) -> Usage:
    """Return what the job has used once so many tokens came out of it."""
    return usage(
        card_of(job.model),
        prompt_tokens=job.prompt_tokens,
        cached_tokens=job.cached_tokens,
        output_tokens=output_tokens,
    )
