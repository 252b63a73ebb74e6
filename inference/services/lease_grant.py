"""Leases are granted to the jobs whose turn it is, as long as their provider has slots."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from core.notify import LEASE, notify
from inference.models import Job, Lease, Provider, ProviderModel
from inference.routing import Circuit
from inference.selectors.candidates import breaker

_MARGIN_S: Final = 10
_SLOWER_THAN_MEASURED: Final = 2


def leases_grant(*, provider: Provider, model: str, now: datetime) -> list[Lease]:
    """This function will grant leases on the jobs that wait for a provider's free slots, and wake it.

    Each is one under its job's next epoch. The jobs are taken in their turn (`inference.routing.turns`),
    batches' jobs after all others; one that somebody else is at just now is passed over. While all slots are
    taken the jobs wait: a lease that cannot be claimed in time would be held against the provider, and a
    buyer could bring that about by asking much at once. A provider whose circuit is open gets none, a
    half-open one gets one. Inside a transaction; the caller has locked `provider`.
    """
    served = ProviderModel.objects.get(provider=provider, model_id=model)
    free = _free_slots(provider, served, now)
    waiting = Job.objects.filter(
        provider=provider, model_id=model, state=Job.State.QUEUED, canceled_at__isnull=True, deadline__gt=now
    )
    turns = waiting.order_by("background", "turn_start", "turn_finish", "created_at", "id")
    jobs = list(turns.select_for_update(no_key=True, skip_locked=True)[:free]) if free else []
    leases = [_grant(job, provider, served, now) for job in jobs]
    if leases:
        _forward(served, jobs)
        notify(LEASE, str(provider.id))
        _try_out(provider, leases[0], now)
    return leases


def _forward(served: ProviderModel, jobs: list[Job]) -> None:
    """Move the virtual clocks to the latest place granted: others' turns do not follow those of batches."""
    for job in jobs:
        clock = "background_clock" if job.background else "turn_clock"
        setattr(served, clock, max(getattr(served, clock), job.turn_start))
    served.save(update_fields=["turn_clock", "background_clock"])


def _free_slots(provider: Provider, served: ProviderModel, now: datetime) -> int:
    """Return how many more leases the provider gets; whoever says "ready" has one slot at least."""
    circuit = breaker(provider, now=now).circuit
    if circuit is Circuit.OPEN:
        return 0
    live = provider.leases.filter(state__in=Lease.LIVE, job__model_id=served.model_id).count()
    free = max(0, max(1, served.slots) - live)
    return min(free, 1) if circuit is Circuit.HALF_OPEN else free


def _try_out(provider: Provider, lease: Lease, now: datetime) -> None:
    """Note which lease shows whether the provider is back, if its circuit is half-open."""
    if breaker(provider, now=now).circuit is Circuit.HALF_OPEN:
        provider.canary = lease.id
        provider.save(update_fields=["canary"])


def _grant(job: Job, provider: Provider, served: ProviderModel, now: datetime) -> Lease:
    job.epoch += 1
    job.state = Job.State.LEASED
    job.save(update_fields=["epoch", "state"])
    return Lease.objects.create(
        job=job, provider=provider, epoch=job.epoch, granted_at=now, deadline=_deadline(job, served, now)
    )


def _deadline(job: Job, served: ProviderModel, now: datetime) -> datetime:
    """Return when the first token must have come: twice the measured time of the whole quote, and a margin.

    The measured rate is of all slots together; one job gets its share of it.
    """
    if served.rate_ucu_per_s == 0:
        return job.deadline
    expected_s = -(-job.quote_ucu * max(1, served.slots) // served.rate_ucu_per_s)
    limit_s = settings.LEASE_CLAIM_S + _MARGIN_S + _SLOWER_THAN_MEASURED * expected_s
    return min(job.deadline, now + timedelta(seconds=limit_s))
