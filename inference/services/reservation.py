"""What a job has set aside: choosing a provider and reserving its quote on the buyer's entitlements."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.services.budget_reserve import budget_reserve
from exchange.services.entitlement_release import entitlement_release
from exchange.services.entitlement_reserve import Part, entitlement_reserve
from inference.models import Job, Lease, Reservation
from inference.selectors.providers import ready_providers


@transaction.atomic
def reservation_place(*, job: Job, now: datetime) -> None:
    """This function will reserve the job's quote with one provider, and its cost in the budgets it counts in.

    The providers are those that can serve now, best first, without those that let this job down before.

    Raises:
        CuxError: INSUFFICIENT_ENTITLEMENT, ENTITLEMENT_EXPIRED, DRAW_LIMIT, DEPENDENCY_UNAVAILABLE (the
            provider that owes the compute is not ready), BUDGET_EXCEEDED; nothing moved.
    """
    failed = _failed_providers(job)
    ready = [each for each in ready_providers(model=job.model_id, now=now) if each not in failed]
    plan = entitlement_reserve(
        organisation_id=job.organisation_id,
        compute_class=job.model.compute_class_id,
        compute_ucu=job.quote_ucu,
        job_id=job.id,
        now=now,
        providers=ready,
    )
    budget_reserve(
        organisation_id=job.organisation_id,
        api_key_id=job.api_key_id,
        job_id=job.id,
        amount_nano_usd=plan.cost_max_nano_usd,
        now=now,
    )
    Reservation.objects.bulk_create(
        Reservation(
            id=part.hold_id,
            job=job,
            entitlement_id=part.entitlement_id,
            amount_ucu=part.amount_ucu,
            position=position,
        )
        for position, part in enumerate(plan.parts)
    )


def _failed_providers(job: Job) -> set[uuid.UUID]:
    leases = job.leases.filter(state__in=[Lease.State.FAILED, Lease.State.EXPIRED])
    return set(leases.values_list("provider__organisation_id", flat=True))


def reservation_parts(job: Job) -> tuple[Part, ...]:
    """Return the parts of the job's open reservation, in the order they are drawn."""
    rows = job.reservations.filter(active=True).order_by("position")
    return tuple(Part(row.entitlement_id, row.id, row.amount_ucu) for row in rows)


def reservation_release(*, parts: Sequence[Part], now: datetime) -> None:
    """This function will give these parts back to their entitlements. Inside a transaction."""
    entitlement_release(parts=parts, now=now)
    reservation_close(parts)


def reservation_close(parts: Sequence[Part]) -> None:
    """Mark parts as resolved: drawn, released or cancelled."""
    Reservation.objects.filter(id__in=[part.hold_id for part in parts]).update(active=False)
