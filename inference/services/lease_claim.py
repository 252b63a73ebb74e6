"""A provider takes the leases granted to it."""

import hashlib
import secrets
import uuid
from datetime import datetime

from django.conf import settings
from django.db import transaction

from core.clock import rfc3339
from core.ids import public_id
from core.notify import JOB, notify
from core.sealing import unseal_token_ids
from cux.wire import agent
from inference.locks import jobs_try_lock
from inference.models import Job, Lease


@transaction.atomic
def lease_claim(*, provider_id: uuid.UUID, free_slots: int, now: datetime) -> list[agent.Lease]:
    """This function will hand over up to `free_slots` granted leases, oldest first, each once.

    Each carries the prompt and a token for the relay that is good for this lease only; the database
    keeps the token's hash.
    """
    granted = Lease.objects.filter(provider_id=provider_id, state=Lease.State.GRANTED)
    waiting = granted.order_by("granted_at", "id").values_list("job_id", flat=True)[:free_slots]
    jobs = jobs_try_lock(list(waiting))
    # Read again under the locks: another claim may have been first.
    leases = granted.filter(job_id__in=jobs).order_by("granted_at", "id")
    return [_hand_over(lease, jobs[lease.job_id], now) for lease in leases]


def _hand_over(lease: Lease, job: Job, now: datetime) -> agent.Lease:
    token = secrets.token_urlsafe(32)
    lease.state = Lease.State.CLAIMED
    lease.claimed_at = now
    lease.relay_token_sha256 = hashlib.sha256(token.encode()).digest()
    lease.save(update_fields=["state", "claimed_at", "relay_token_sha256"])
    job.state = Job.State.CLAIMED
    job.save(update_fields=["state"])
    notify(JOB, str(job.id))
    return _message(lease, job, token)


def _message(lease: Lease, job: Job, token: str) -> agent.Lease:
    assert job.prompt is not None
    return agent.Lease(
        lease_id=public_id("lease", lease.id),
        job_id=public_id("job", job.id),
        epoch=lease.epoch,
        model=job.model_id,
        model_revision=job.model.revision,
        card_hash=job.model.card_hash,
        prompt_token_ids=unseal_token_ids(
            organisation_id=job.organisation_id, context=f"prompt:{job.id}", sealed=bytes(job.prompt)
        ),
        max_tokens=job.max_tokens,
        relay_url=settings.RELAY_URL,
        relay_token=token,
        deadline=rfc3339(job.deadline),
        **job.sampling,
    )
