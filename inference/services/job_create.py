"""A quote becomes a job: its compute reserved, its prompt sealed, its dispatch on the way."""

import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from core.hints import hint_on_commit
from core.ids import new_id
from core.outbox import outbox_add
from core.sealing import seal_token_ids
from inference.models import Job
from inference.services.job_quote import Quote
from inference.services.reservation import reservation_place


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn: temperature in thousandths, top_p in millionths.

    Without a seed the job gets one of its own.
    """

    temperature_milli: int = 1_000
    top_p_ppm: int = 1_000_000
    seed: int | None = None
    stop: list[str] = field(default_factory=list)


@transaction.atomic
def job_create(
    *, quote: Quote, sampling: Sampling, now: datetime, api_key_id: uuid.UUID | None = None, tag: str = ""
) -> Job:
    """This function will reserve the quote's compute and queue the job.

    `api_key_id` is the key that asks (none: a page), `tag` the caller's own word for what it is for; usage
    and budgets are counted by them.

    The job's row and its dispatch (outbox) are one transaction; the broker only makes it faster.

    Raises:
        CuxError: INSUFFICIENT_ENTITLEMENT, ENTITLEMENT_EXPIRED, DRAW_LIMIT, DEPENDENCY_UNAVAILABLE (the
            provider that owes the compute is not ready), BUDGET_EXCEEDED; nothing moved.
    """
    job_id = new_id()
    job = Job.objects.create(
        id=job_id,
        organisation_id=quote.organisation_id,
        api_key_id=api_key_id,
        tag=tag,
        model_id=quote.model,
        prompt=seal_token_ids(
            organisation_id=quote.organisation_id, context=f"prompt:{job_id}", ids=quote.prompt_token_ids
        ),
        sampling=_with_seed(sampling, job_id.int),
        prompt_tokens=len(quote.prompt_token_ids),
        max_tokens=quote.max_tokens,
        quote_ucu=quote.quote_ucu,
        created_at=now,
        deadline=now + timedelta(seconds=settings.JOB_DEADLINE_S),
    )
    reservation_place(job=job, now=now)
    dispatch_later(job)
    return job


def dispatch_later(job: Job) -> None:
    """Have the queued job dispatched after this transaction: by the outbox, and sooner by a hint."""
    outbox_add(topic="job.dispatch", payload={"job_id": str(job.id)})
    hint_on_commit(task="inference.job_dispatch", queue="jobs", job_id=str(job.id))


def _with_seed(sampling: Sampling, entropy: int) -> dict[str, object]:
    values = asdict(sampling)
    if values["seed"] is None:
        values["seed"] = entropy % 2**31  # the id's random end
    return values
