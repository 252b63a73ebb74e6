"""A provider takes the leases granted to it."""

import hashlib
import secrets
import uuid
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F

from core.clock import rfc3339
from core.data_keys import unseal_token_ids
from core.ids import public_id
from cux.wire import agent
from inference.models import Job, Lease
from inference.selectors.answers import prefix_ids
from inference.services.sampling import lease_sampling


@transaction.atomic
def lease_claim(*, provider_id: uuid.UUID, free_slots: int, now: datetime) -> list[agent.Lease]:
    """This function will hand over up to `free_slots` granted leases, oldest first, each once.

    Each carries the prompt, what earlier leases delivered, and a token for the relay that is good for this
    lease only; the database keeps the token's hash.
    """
    # The job's row is the lock, and is read again once it is ours: another claim may have been first.
    granted = Lease.objects.select_for_update(no_key=True, skip_locked=True, of=("job",)).filter(
        provider_id=provider_id,
        state=Lease.State.GRANTED,
        job__state=Job.State.LEASED,
        job__epoch=F("epoch"),
    )
    leases = granted.select_related("job__model").order_by("granted_at", "id")[:free_slots]
    return [_hand_over(lease, lease.job, now) for lease in leases]


def _hand_over(lease: Lease, job: Job, now: datetime) -> agent.Lease:
    token = secrets.token_urlsafe(32)
    lease.state = Lease.State.CLAIMED
    lease.claimed_at = now
    lease.relay_token_sha256 = hashlib.sha256(token.encode()).digest()
    lease.save(update_fields=["state", "claimed_at", "relay_token_sha256"])
    job.state = Job.State.CLAIMED
    job.save(update_fields=["state"])
    return _message(lease, job, token)


def _message(lease: Lease, job: Job, token: str) -> agent.Lease:
    assert job.prompt is not None
    prefix = prefix_ids(job, lease)
    sampling = lease_sampling(job.sampling)
    # Another seed: the same one would draw for these tokens what it has drawn for the first ones.
    sampling["seed"] = (sampling["seed"] + len(prefix)) % 2**63
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
        prefix_token_ids=prefix,
        max_tokens=job.max_tokens - len(prefix),
        relay_url=settings.RELAY_URL,
        relay_token=token,
        deadline=rfc3339(job.deadline),
        **sampling,
    )
