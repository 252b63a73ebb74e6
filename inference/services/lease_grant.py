"""Leases are granted to the provider whose entitlements the job has reserved."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from core.notify import JOB, LEASE, notify
from inference.locks import provider_lock
from inference.models import Job, Lease, Provider, ProviderModel

_MARGIN_S: Final = 10
_SLOWER_THAN_MEASURED: Final = 2


def lease_grant(*, job: Job, now: datetime) -> Lease | None:
    """This function will grant a lease on a queued job under its next epoch, and wake the provider.

    `job` is locked by the caller and has compute reserved: the provider is the one that owes it. While all
    its slots are taken there is no lease, and the job waits: a lease it cannot claim in time would be held
    against it, and a buyer could bring that about by asking much at once.
    """
    reserved = job.reservations.filter(active=True).select_related("entitlement").order_by("position")
    owed_by = reserved[0].entitlement.provider_id
    provider = provider_lock(Provider.objects.values_list("id", flat=True).get(organisation_id=owed_by))
    if not _has_free_slot(provider, job):
        return None
    job.epoch += 1
    job.state = Job.State.LEASED
    job.save(update_fields=["epoch", "state"])
    lease = Lease.objects.create(
        job=job,
        provider=provider,
        epoch=job.epoch,
        granted_at=now,
        deadline=_deadline(job, provider, now),
    )
    notify(LEASE, str(provider.id))
    notify(JOB, str(job.id))
    return lease


def _has_free_slot(provider: Provider, job: Job) -> bool:
    """Tell whether fewer leases are live than it has slots; whoever says "ready" has one at least."""
    slots = ProviderModel.objects.filter(provider=provider, model_id=job.model_id).values_list(
        "slots", flat=True
    )
    live = Lease.objects.filter(provider=provider, state__in=Lease.LIVE, job__model_id=job.model_id).count()
    return live < max(1, *slots)


def _deadline(job: Job, provider: Provider, now: datetime) -> datetime:
    """Return when the first token must have come: twice the measured time of the whole quote, and a margin.

    The measured rate is of all slots together; one job gets its share of it.
    """
    measured = ProviderModel.objects.filter(provider=provider, model_id=job.model_id).first()
    if measured is None or measured.rate_ucu_per_s == 0:
        return job.deadline
    expected_s = -(-job.quote_ucu * max(1, measured.slots) // measured.rate_ucu_per_s)
    limit_s = settings.LEASE_CLAIM_S + _MARGIN_S + _SLOWER_THAN_MEASURED * expected_s
    return min(job.deadline, now + timedelta(seconds=limit_s))
