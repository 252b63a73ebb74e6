"""Where jobs went, and why."""

import uuid
from dataclasses import dataclass
from typing import Any

from core.ids import public_id
from inference.models import Lease


@dataclass(frozen=True, slots=True)
class Routed:
    """Who runs a job, at which attempt, and the reason kept for that."""

    provider_id: str
    provider: str
    attempts: int
    why: str


def job_routed(job_id: uuid.UUID) -> Routed | None:
    """Return where the job went last; None as long as nobody has it."""
    leases = Lease.objects.filter(job_id=job_id).order_by("-epoch")
    last = leases.values_list("provider_id", "provider__name", "epoch", "job__route").first()
    if last is None:
        return None
    provider_id, name, epoch, route = last
    return Routed(public_id("provider", provider_id), name, epoch, _why(route, name))


def _why(route: dict[str, Any], provider: str) -> str:
    reasons = (each.get("why") for each in route.get("candidates", []) if each.get("provider") == provider)
    return str(next(reasons, None) or "entitlement")
