"""A provider gives a lease up, or what it sent cannot be taken."""

import uuid
from datetime import datetime

import structlog
from django.db import transaction

from core.errors import Code, CuxError
from inference.locks import job_lock
from inference.models import Lease
from inference.services.job_move import lease_end

log = structlog.get_logger(__name__)


@transaction.atomic
def lease_fail(
    *, lease_id: uuid.UUID, provider_id: uuid.UUID, reason: str, detail: str = "", now: datetime
) -> bool:
    """This function will end the provider's lease as failed; its job moves on or is refunded.

    A lease that already ended stays as it is, and the answer is False.

    Raises:
        CuxError: NOT_FOUND, the provider has no such lease.
    """
    found = Lease.objects.filter(id=lease_id, provider_id=provider_id).first()
    if found is None:
        raise CuxError(Code.NOT_FOUND, "There is no such lease of this provider.")
    job = job_lock(found.job_id)
    lease = Lease.objects.get(id=lease_id)
    if lease.state not in Lease.LIVE:
        return False
    log.warning(
        "lease_failed", lease_id=str(lease_id), job_id=str(job.id), reason=reason, detail=detail[:200]
    )
    lease_end(lease=lease, job=job, state=Lease.State.FAILED, outcome=reason[:40], now=now)
    return True
