"""A provider failed within an answer that another can continue: what it delivered stays, and is paid for."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from core.data_keys import seal_token_ids
from cux.wire.shares import failed_ucu
from exchange.services.entitlement_release import entitlement_release
from exchange.services.entitlement_reserve import Part
from inference.engines.seam import seam
from inference.engines.tokenizer import load_tokenizer
from inference.likelihoods import row_width
from inference.models import Checkpoint, Job, Lease, Reservation, Share
from inference.selectors.answers import answer_ids, answer_rows, prefix_ids
from inference.selectors.catalogue import card_of
from inference.selectors.shares import kept_ucu, share_parts


def answer_keep(*, job: Job, lease: Lease) -> None:
    """This function will keep of an ended lease what another provider can continue, and set its share aside.

    `job` is locked by the caller. The share comes out of the job's open reservation, which shrinks by it.
    From now on nothing of the prompt is cached: whoever continues prefills all of it, and is paid for that.
    """
    job.cached_tokens = 0
    job.save(update_fields=["cached_tokens"])
    before, ids = prefix_ids(job, lease), answer_ids(job, lease)
    at = seam(
        load_tokenizer(job.model.directory),
        before + ids,
        stops=job.sampling["stop"],
        max_tokens=job.max_tokens,
    )
    _trim(job, lease, ids[: at - len(before)])
    together = failed_ucu(
        card_of(job.model),
        prompt_tokens=job.prompt_tokens,
        cached_tokens=job.cached_tokens,
        delivered_tokens=at,
    )
    _set_aside(job, lease, max(0, together - kept_ucu(job)))


def shares_release(*, job: Job, now: datetime) -> None:
    """This function will give the job's shares back to their entitlements: nobody is paid for it."""
    if parts := share_parts(job):
        entitlement_release(parts=parts, now=now)
        shares_close(parts)


def shares_close(parts: Sequence[Part]) -> None:
    """Mark shares as resolved: drawn or released."""
    Share.objects.filter(hold_id__in=[part.hold_id for part in parts]).update(active=False)


def _trim(job: Job, lease: Lease, ids: list[int]) -> None:
    lease.output_tokens = len(ids)
    lease.save(update_fields=["output_tokens"])
    seal = partial(seal_token_ids, organisation_id=job.organisation_id)
    rows = answer_rows(job, lease)[: len(ids) * row_width(job.sampling)]
    Checkpoint.objects.filter(lease=lease).update(
        output_tokens=len(ids),
        token_ids=seal(context=f"answer:{lease.id}", ids=ids),
        likelihoods=seal(context=f"likelihoods:{lease.id}", ids=rows) if rows else None,
    )


def _set_aside(job: Job, lease: Lease, amount_ucu: int) -> None:
    for row in job.reservations.filter(active=True).order_by("position"):
        taken = min(amount_ucu, row.amount_ucu)
        if taken:
            amount_ucu -= taken
            Share.objects.create(
                lease=lease, entitlement_id=row.entitlement_id, hold_id=row.id, amount_ucu=taken
            )
            left = row.amount_ucu - taken
            Reservation.objects.filter(id=row.id).update(amount_ucu=left, active=left > 0)
