"""Reserve a job's quote on a buyer's entitlements."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.ledger.chart import Kind, of_entitlement
from billing.ledger.posting import HoldPlacement
from billing.services.balances_lock import balances_lock
from billing.services.ledger_post import ledger_post
from core.errors import Code, CuxError
from core.ids import new_id
from exchange.models import Entitlement
from exchange.services.draw_rule import Drawable, allocate, is_within_draw_rule


@dataclass(frozen=True, slots=True)
class Part:
    """What one entitlement contributes to a job: the ledger's hold of this id sets it aside."""

    entitlement_id: uuid.UUID
    hold_id: uuid.UUID
    amount_ucu: int


@dataclass(frozen=True, slots=True)
class ReservationPlan:
    """One provider's entitlements that cover a job, in the order in which they are drawn."""

    provider_organisation_id: uuid.UUID
    parts: tuple[Part, ...]


def entitlement_reserve(
    *,
    organisation_id: uuid.UUID,
    compute_class: str,
    compute_ucu: int,
    job_id: uuid.UUID,
    now: datetime,
    providers: Sequence[uuid.UUID],
) -> ReservationPlan:
    """This function will set `compute_ucu` µCU aside on one provider's entitlements, in one transaction.

    `providers` are the organisations that can serve now, best first.

    Raises:
        CuxError: INSUFFICIENT_ENTITLEMENT, ENTITLEMENT_EXPIRED (there was enough, but its window has
            ended), DRAW_LIMIT (try again when a running job has ended). Nothing is reserved then.
    """
    by_provider = _drawables(organisation_id, compute_class, now)
    limited = False
    for provider in providers:
        drawables = by_provider.get(provider, [])
        parts = allocate(drawables, compute_ucu)
        if parts is None:
            continue
        if not is_within_draw_rule(drawables, compute_ucu):
            limited = True
            continue
        return _place(provider, parts, compute_class=compute_class, job_id=job_id, now=now)
    raise _refusal(organisation_id, compute_class, compute_ucu, by_provider, providers, now, limited=limited)


def _drawables(
    organisation_id: uuid.UUID, compute_class: str, now: datetime
) -> dict[uuid.UUID, list[Drawable]]:
    """Return the live entitlements by provider, first to expire first, their balances locked."""
    rows = list(
        Entitlement.objects.filter(
            holder_id=organisation_id,
            instrument__compute_class_id=compute_class,
            state=Entitlement.State.LIVE,
            starts_at__lte=now,
            ends_at__gt=now,
        )
        .select_related("instrument")
        .order_by("ends_at", "id")
    )
    balances = balances_lock(
        accounts=[of_entitlement(Kind.ENTITLEMENT, row.id, compute_class) for row in rows]
    )
    found: dict[uuid.UUID, list[Drawable]] = defaultdict(list)
    for row in rows:
        balance = balances[of_entitlement(Kind.ENTITLEMENT, row.id, compute_class)]
        found[row.provider_id].append(
            Drawable(
                row.id,
                row.provider_id,
                row.quantity_ucu,
                row.instrument.window_s,
                balance.posted,
                balance.held,
            )
        )
    return found


def _place(
    provider: uuid.UUID,
    parts: list[tuple[uuid.UUID, int]],
    *,
    compute_class: str,
    job_id: uuid.UUID,
    now: datetime,
) -> ReservationPlan:
    plan = ReservationPlan(
        provider, tuple(Part(entitlement, new_id(), amount) for entitlement, amount in parts)
    )
    ledger_post(
        placements=[
            HoldPlacement(
                hold_id=part.hold_id,
                account=of_entitlement(Kind.ENTITLEMENT, part.entitlement_id, compute_class),
                amount=part.amount_ucu,
                kind="job",
                ref=str(job_id),
            )
            for part in plan.parts
        ],
        now=now,
    )
    return plan


def _refusal(
    organisation_id: uuid.UUID,
    compute_class: str,
    compute_ucu: int,
    by_provider: dict[uuid.UUID, list[Drawable]],
    providers: Sequence[uuid.UUID],
    now: datetime,
    *,
    limited: bool,
) -> CuxError:
    if limited:
        return CuxError(Code.DRAW_LIMIT, retry_after_s=1)
    free = [sum(d.free_ucu for d in by_provider.get(provider, [])) for provider in by_provider]
    ready = [sum(d.free_ucu for d in by_provider.get(provider, [])) for provider in providers]
    most = max(free, default=0)
    if most >= compute_ucu:
        return CuxError(
            Code.DEPENDENCY_UNAVAILABLE,
            "The provider your entitlement is on is not ready right now; nothing was reserved.",
            retry_after_s=5,
        )
    expired = Entitlement.objects.filter(
        holder_id=organisation_id,
        instrument__compute_class_id=compute_class,
        ends_at__lte=now,
        quantity_ucu__gte=compute_ucu,
    ).exists()
    if expired and not by_provider:
        return CuxError(
            Code.ENTITLEMENT_EXPIRED,
            "Your entitlements' windows have ended; buy compute units to run this job.",
        )
    return CuxError(
        Code.INSUFFICIENT_ENTITLEMENT,
        f"The job may cost up to {compute_ucu} µCU; your entitlements on one ready provider hold "
        f"{max(ready, default=0)} µCU. Buy compute units of {compute_class} first.",
    )
