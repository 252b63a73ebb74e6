"""How far a job is: what the gateway looks at while it follows one."""

import uuid
from dataclasses import dataclass, field
from typing import Final

from inference.likelihoods import row_width
from inference.models import Job, Lease
from inference.selectors.answers import answer_ids, answer_rows, prefix_ids, prefix_rows

_LOOKED_AT: Final = (
    *("state", "failure", "epoch", "organisation_id", "sampling", "prompt_tokens", "cached_tokens"),
    *("output_tokens", "finish_reason", "quote_ucu", "compute_ucu", "charged_nano_usd"),
    *("model__directory", "receipt__hash"),
)
"""Without prompt, route, card and receipt, which are the most of it."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A job's row and its newest lease. `known_ids` is the answer, once delivered and while it is kept.

    `known_rows` are then the likelihoods of its tokens, `row_width` numbers each (`inference.likelihoods`).
    """

    state: str
    failure: str
    lease_id: uuid.UUID | None
    directory: str = field(repr=False)
    stop: tuple[str, ...] = field(repr=False)
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    finish_reason: str
    quote_ucu: int
    compute_ucu: int
    charged_nano_usd: int
    receipt_hash: str | None
    known_ids: list[int] = field(repr=False)
    row_width: int = 0
    known_rows: list[int] = field(default_factory=list, repr=False)


def job_progress(job_id: uuid.UUID) -> JobProgress:
    """Return where the job is now; Job.DoesNotExist if there is none."""
    job = Job.objects.select_related("model", "receipt").only(*_LOOKED_AT).get(id=job_id)
    lease = Lease.objects.filter(job_id=job_id, epoch=job.epoch).first() if job.epoch else None
    receipt = getattr(job, "receipt", None)
    delivered = lease if lease and lease.state == Lease.State.DELIVERED else None
    return JobProgress(
        state=job.state,
        failure=job.failure,
        lease_id=lease.id if lease else None,
        directory=job.model.directory,
        stop=tuple(job.sampling["stop"]),
        prompt_tokens=job.prompt_tokens,
        cached_tokens=job.cached_tokens,
        output_tokens=job.output_tokens,
        finish_reason=job.finish_reason,
        quote_ucu=job.quote_ucu,
        compute_ucu=job.compute_ucu,
        charged_nano_usd=job.charged_nano_usd,
        receipt_hash=receipt.hash if receipt else None,
        known_ids=_known_ids(job, delivered) if delivered else [],
        row_width=row_width(job.sampling),
        known_rows=prefix_rows(job, delivered) + answer_rows(job, delivered) if delivered else [],
    )


def _known_ids(job: Job, lease: Lease) -> list[int]:
    """Return the whole answer, or nothing if a part of it is not kept."""
    own = answer_ids(job, lease)
    return prefix_ids(job, lease) + own if own else []
