"""Heartbeats: a provider is there, what it serves, and which leases it is working on."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from core.ids import parse_public_id, public_id
from cux.wire.agent import Heartbeat, HeartbeatResponse
from inference.locks import job_try_lock
from inference.models import Lease, Provider, ProviderModel
from inference.selectors.uptime import provider_gap
from inference.services.job_move import lease_end
from inference.services.uptime_record import uptime_extend


def heartbeat_record(*, provider_id: uuid.UUID, heartbeat: Heartbeat, now: datetime) -> HeartbeatResponse:
    """This function will record the sign of life, and take back leases the agent no longer knows of.

    The answer names the leases it should stop: somebody else's by now, over, or of a canceled job.
    """
    _note(provider_id, heartbeat, now)
    running = {parse_public_id("lease", text) for text in heartbeat.running}
    leases = Lease.objects.select_related("job").filter(provider_id=provider_id, state__in=Lease.LIVE)
    live = {lease.id: lease for lease in leases}
    for lease in live.values():
        if lease.id not in running and _should_run(lease, now):
            _drop(lease.id, now)
    wanted = {lease.id for lease in live.values() if lease.job.canceled_at is None}
    stopped = sorted(public_id("lease", lease) for lease in running if lease and lease not in wanted)
    return HeartbeatResponse(leases_canceled=stopped, drain=False)


@transaction.atomic
def _note(provider_id: uuid.UUID, heartbeat: Heartbeat, now: datetime) -> None:
    """Keep what the heartbeat says; time counts as up between two that both offer a model.

    Take-or-pay pays for that time: who is there and serves nothing is not available.
    """
    did_serve = _serves(provider_id)
    Provider.objects.filter(id=provider_id).update(last_heartbeat_at=now, draining=heartbeat.draining)
    slots = heartbeat.free_slots + len(heartbeat.running)
    ready = {state.card_hash: state for state in heartbeat.models if state.ready}
    served = ProviderModel.objects.filter(provider_id=provider_id)
    for card_hash, state in ready.items():
        own = slots if state.slots is None else state.slots
        served.filter(model__card_hash=card_hash).update(ready=True, slots=own, logprobs=state.logprobs)
    for state in heartbeat.models:
        told = served.filter(model__card_hash=state.card_hash).exclude(problem=state.problem)
        told.update(problem=state.problem)
    served.exclude(model__card_hash__in=ready).filter(ready=True).update(ready=False)
    if _serves(provider_id):
        uptime_extend(provider_id=provider_id, gap=provider_gap() if did_serve else timedelta(0), now=now)


def _serves(provider_id: uuid.UUID) -> bool:
    offered = ProviderModel.objects.filter(provider_id=provider_id, ready=True, provider__draining=False)
    return offered.exists()


def _should_run(lease: Lease, now: datetime) -> bool:
    """Tell whether the agent must know of the lease by now: the claim's answer may still be on its way."""
    claimed = lease.claimed_at
    return claimed is not None and now - claimed > timedelta(seconds=settings.HEARTBEAT_S)


@transaction.atomic
def _drop(lease_id: uuid.UUID, now: datetime) -> None:
    lease = Lease.objects.get(id=lease_id)
    job = job_try_lock(lease.job_id)
    lease.refresh_from_db()
    if job is not None and lease.state in Lease.LIVE:
        lease_end(lease=lease, job=job, state=Lease.State.FAILED, outcome="lost_by_agent", now=now)
