"""Reserve a job's quote on a buyer's entitlements."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
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
from exchange.services.draw_rule import Drawable, allocate, by_price, is_within_draw_rule, price_of

Order = Callable[[Mapping[uuid.UUID, int]], Sequence[uuid.UUID]]
"""Given who owes enough, at what price paid per CU (nano-USD): those that may run the job, best first."""

DRAW_RETRY_S: Final = 1
UCU_PER_CU: Final = 1_000_000
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

    `cost_max_nano_usd` is the most that drawing all of it can cost, however other jobs draw meanwhile;
    `price_nano_usd_per_cu` is what was paid for it.
    """

    provider_organisation_id: uuid.UUID
    parts: tuple[Part, ...]
    cost_max_nano_usd: int
    price_nano_usd_per_cu: int


def entitlement_reserve(
    *,
    organisation_id: uuid.UUID,
    compute_class: str,
    compute_ucu: int,
    job_id: uuid.UUID,
    now: datetime,
    order: Order,
    cheapest_first: bool = False,
) -> ReservationPlan:
    """This function will set `compute_ucu` µCU (> 0) aside on one provider's entitlements.

    It runs in the caller's transaction. `order` says which of the organisations that owe enough can serve
    now, best first; what it raises passes through. What ends first is drawn first; with `cheapest_first`
    what was cheapest, and then half of what may be reserved together is left to others.

    Raises:
        CuxError: INSUFFICIENT_ENTITLEMENT, ENTITLEMENT_EXPIRED (there was enough, but its window has
            ended), DRAW_LIMIT (try again when a running job has ended), DEPENDENCY_UNAVAILABLE (a
            provider that cannot serve now owes enough). Nothing is reserved then.
    """
    holder_lock(holder_id=organisation_id)
    rows, drawables = _drawables(organisation_id, compute_class, now)
    if cheapest_first:
        drawables = {provider: by_price(some) for provider, some in drawables.items()}
    allocated = {provider: allocate(some, compute_ucu) for provider, some in drawables.items()}
    enough = {provider: parts for provider, parts in allocated.items() if parts}
    prices = {provider: price_of(drawables[provider], parts) for provider, parts in enough.items()}
    limited = False
    for provider in order(prices) if prices else ():
        if is_within_draw_rule(drawables[provider], compute_ucu, spare=cheapest_first):
            plan = _plan(provider, enough[provider], prices[provider], rows)
            _place(plan, compute_class=compute_class, job_id=job_id, now=now)
            return plan
        limited = True
    if limited:
        raise CuxError(Code.DRAW_LIMIT, retry_after_s=DRAW_RETRY_S)
    if enough:
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
) -> tuple[dict[uuid.UUID, Entitlement], dict[uuid.UUID, list[Drawable]]]:
    """Return the live entitlements by id, and what may be drawn by provider, first to expire first."""
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
                price_nano_usd_per_cu=UCU_PER_CU
                * (row.escrow_nano_usd + row.fee_nano_usd)
                // row.quantity_ucu,
            )
        )
    return {row.id: row for row in rows}, by_provider


def _plan(
    provider: uuid.UUID,
    parts: Sequence[tuple[uuid.UUID, int]],
    price: int,
    rows: Mapping[uuid.UUID, Entitlement],
) -> ReservationPlan:
    return ReservationPlan(
        provider,
        tuple(Part(entitlement, new_id(), amount) for entitlement, amount in parts),
        sum(rows[entitlement].released_at_most(amount_ucu=amount) for entitlement, amount in parts),
        price,
    )


def _place(plan: ReservationPlan, *, compute_class: str, job_id: uuid.UUID, now: datetime) -> None:
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
