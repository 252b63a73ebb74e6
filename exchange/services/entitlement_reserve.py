"""Reserve a job's quote on a buyer's entitlements."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Sum
from django.db.models.functions import Coalesce

from billing.ledger.chart import Kind, of_entitlement
from billing.ledger.posting import HoldPlacement
from billing.selectors.balances import balances
from billing.services.ledger_post import ledger_post
from core.errors import Code, CuxError
from core.ids import new_id
from exchange.locks import holder_lock
from exchange.models import Entitlement
from exchange.services.draw_rule import Drawable, allocate, is_within_draw_rule

DRAW_RETRY_S: Final = 1
PROVIDER_RETRY_S: Final = 5


@dataclass(frozen=True, slots=True)
class Part:
    """What one entitlement contributes to a job: the ledger's hold of this id sets it aside."""

    entitlement_id: uuid.UUID
    hold_id: uuid.UUID
    amount_ucu: int


@dataclass(frozen=True, slots=True)
class ReservationPlan:
    """One provider's entitlements that cover a job, in the order in which they are drawn.

    `cost_max_nano_usd` is the most that drawing all of it can cost, however other jobs draw meanwhile.
    """

    provider_organisation_id: uuid.UUID
    parts: tuple[Part, ...]
    cost_max_nano_usd: int


def entitlement_reserve(
    *,
    organisation_id: uuid.UUID,
    compute_class: str,
    compute_ucu: int,
    job_id: uuid.UUID,
    now: datetime,
    providers: Sequence[uuid.UUID],
) -> ReservationPlan:
    """This function will set `compute_ucu` µCU (> 0) aside on one provider's entitlements.

    It runs in the caller's transaction. `providers` are the organisations that can serve now, best first.

    Raises:
        CuxError: INSUFFICIENT_ENTITLEMENT, ENTITLEMENT_EXPIRED (there was enough, but its window has
            ended), DRAW_LIMIT (try again when a running job has ended), DEPENDENCY_UNAVAILABLE (a
            provider that cannot serve now owes enough). Nothing is reserved then.
    """
    holder_lock(holder_id=organisation_id)
    drawables = _drawables(organisation_id, compute_class, now)
    limited = False
    for provider in providers:
        of_provider = drawables.get(provider, [])
        parts = allocate(of_provider, compute_ucu)
        if parts and is_within_draw_rule(of_provider, compute_ucu):
            return _place(provider, parts, compute_class=compute_class, job_id=job_id, now=now)
        limited |= bool(parts)
    if limited:
        raise CuxError(Code.DRAW_LIMIT, retry_after_s=DRAW_RETRY_S)
    if any(allocate(of_provider, compute_ucu) for of_provider in drawables.values()):
        raise CuxError(
            Code.DEPENDENCY_UNAVAILABLE,
            "The provider your entitlement is on is not ready right now; nothing was reserved.",
            retry_after_s=PROVIDER_RETRY_S,
        )
    if _has_expired(organisation_id, compute_class, compute_ucu, now, drawables):
        raise CuxError(
            Code.ENTITLEMENT_EXPIRED,
            "Your entitlements' windows have ended; buy compute units to run this job.",
        )
    raise CuxError(
        Code.INSUFFICIENT_ENTITLEMENT,
        f"The job may cost up to {compute_ucu} µCU, and no provider that can serve it owes you as much. "
        f"Buy compute units of {compute_class} first.",
    )


def _drawables(
    organisation_id: uuid.UUID, compute_class: str, now: datetime
) -> dict[uuid.UUID, list[Drawable]]:
    """Return the live entitlements by provider, first to expire first."""
    rows = list(
        Entitlement.objects.filter(
            holder_id=organisation_id,
            instrument__compute_class_id=compute_class,
            state=Entitlement.State.LIVE,
            starts_at__lte=now,
        )
        .select_related("instrument")
        .annotate(parted_ucu=Coalesce(Sum("parts__quantity_ucu"), 0))
        .order_by("ends_at", "id")
    )
    accounts = {row.id: row.account(Kind.ENTITLEMENT) for row in rows}
    found = balances(list(accounts.values()))
    by_provider: dict[uuid.UUID, list[Drawable]] = defaultdict(list)
    for row in rows:
        balance = found[accounts[row.id]]
        by_provider[row.provider_id].append(
            Drawable(
                entitlement_id=row.id,
                provider_id=row.provider_id,
                quantity_ucu=row.quantity_ucu - row.parted_ucu,
                window_s=row.instrument.window_s,
                undrawn_ucu=balance.posted,
                reserved_ucu=balance.held,
                has_ended=row.ends_at <= now,
            )
        )
    return by_provider


def _place(
    provider: uuid.UUID,
    parts: list[tuple[uuid.UUID, int]],
    *,
    compute_class: str,
    job_id: uuid.UUID,
    now: datetime,
) -> ReservationPlan:
    rows = Entitlement.objects.in_bulk([entitlement for entitlement, _ in parts])
    plan = ReservationPlan(
        provider,
        tuple(Part(entitlement, new_id(), amount) for entitlement, amount in parts),
        sum(rows[entitlement].released_at_most(amount_ucu=amount) for entitlement, amount in parts),
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


def _has_expired(
    organisation_id: uuid.UUID,
    compute_class: str,
    compute_ucu: int,
    now: datetime,
    drawables: dict[uuid.UUID, list[Drawable]],
) -> bool:
    """Tell whether all windows have ended, and one of them had room for such a job."""
    if any(not drawable.has_ended for some in drawables.values() for drawable in some):
        return False
    return Entitlement.objects.filter(
        holder_id=organisation_id,
        instrument__compute_class_id=compute_class,
        ends_at__lte=now,
        quantity_ucu__gte=compute_ucu,
    ).exists()
