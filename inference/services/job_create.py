"""A quote becomes a job: its compute reserved, its prompt sealed, its dispatch on the way."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from accounts.selectors.bans import refuse_banned
from core.data_keys import seal_token_ids
from core.errors import Code, CuxError
from core.hints import hint_on_commit
from core.ids import new_id
from core.outbox import outbox_add
from inference.models import Job
from inference.routing.preferences import Preferences
from inference.services.job_dispatch import dispatch_at_once
from inference.services.job_quote import Quote
from inference.services.public_access import allowance_require
from inference.services.reservation import reservation_place
from inference.services.sampling import Sampling

NO_PREFERENCES: Final = Preferences()


@transaction.atomic
def job_create(
    *,
    quote: Quote,
    sampling: Sampling,
    now: datetime,
    api_key_id: uuid.UUID | None = None,
    tag: str = "",
    preferences: Preferences = NO_PREFERENCES,
    choice: int = 0,
    may_wait: bool = False,
    by_pool: bool = False,
    at_once: bool = False,
    background: bool = False,
) -> Job:
    """This function will reserve the quote's compute and queue the job.

    `api_key_id` is the key that asks (none: a page), `tag` the caller's own word for what it is for; usage
    and budgets are counted by them. `preferences` say who may run it. Of several choices of one request each
    is a job of its own; `choice` counts them from 0. One that `may_wait` is queued with nothing reserved
    where the draw rule lets no more run at once, and reserves its compute once it may draw.

    `by_pool` it draws on what the public-access pool has bought, within the organisation's allowance.

    The job's row and its dispatch (outbox) are one transaction; the broker only makes it faster. `at_once` it
    gets a lease in that transaction, if a slot is free: then nobody else has to look at it. One in
    the `background`, a batch's, draws the cheapest compute and waits for a slot behind all others.

    Raises:
        CuxError: INSUFFICIENT_ENTITLEMENT, ENTITLEMENT_EXPIRED, DRAW_LIMIT, DEPENDENCY_UNAVAILABLE (the
            provider that owes the compute is not ready), BUDGET_EXCEEDED,
            PUBLIC_ACCESS_LIMIT; nothing moved.
    """
    refuse_banned(quote.organisation_id)
    if by_pool:
        allowance_require(organisation_id=quote.organisation_id, more_ucu=quote.quote_ucu, now=now)
    job_id = new_id()
    job = Job(
        id=job_id,
        organisation_id=quote.organisation_id,
        api_key_id=api_key_id,
        tag=tag,
        is_public_access=by_pool,
        model=quote.catalogued,
        prompt=seal_token_ids(
            organisation_id=quote.organisation_id, context=f"prompt:{job_id}", ids=quote.prompt_token_ids
        ),
        sampling=sampling.stored(entropy=job_id.int, choice=choice),
        routing=preferences.stored(),
        prompt_tokens=len(quote.prompt_token_ids),
        max_tokens=quote.max_tokens,
        quote_ucu=quote.quote_ucu,
        background=background,
        created_at=now,
        deadline=now + timedelta(seconds=_deadline_s(background)),
    )
    try:
        reservation_place(job=job, now=now)
    except CuxError as refusal:
        if refusal.code is not Code.DRAW_LIMIT or not may_wait:
            raise
    job.save(force_insert=True)
    if not (at_once and dispatch_at_once(job=job, now=now)):
        dispatch_later(job)
    return job


def _deadline_s(background: bool) -> int:
    return settings.BATCH_JOB_DEADLINE_S if background else settings.JOB_DEADLINE_S


def dispatch_later(job: Job) -> None:
    """Have the queued job dispatched after this transaction: by the outbox, and sooner by a hint."""
    outbox_add(topic="job.dispatch", payload={"job_id": str(job.id)})
    hint_on_commit(task="inference.job_dispatch", queue="jobs", job_id=str(job.id))
