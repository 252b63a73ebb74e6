"""Who could run a job, with all that ranking looks at."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count

from core.ids import public_id
from inference.models import Lease, Provider, ProviderModel, ServiceDay
from inference.routing import Candidate
from inference.routing.breaker import Breaker
from inference.routing.latency import merged, percentile_ms
from inference.selectors.uptime import is_heard

_DAYS: Final = 7
_MEDIAN_PPM: Final = 500_000
_LATE_PPM: Final = 990_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How a provider did with one model in the last days."""

    delivered: int = 0
    failed: int = 0
    first_token_counts: tuple[int, ...] = field(default=(), repr=False)

    @property
    def first_token_p50_ms(self) -> int | None:
        """Return the time from grant to first token of half of what was delivered; None if none was."""
        return percentile_ms(self.first_token_counts, _MEDIAN_PPM)

    @property
    def first_token_p99_ms(self) -> int | None:
        """Return the same of all but a hundredth."""
        return percentile_ms(self.first_token_counts, _LATE_PPM)


def candidates(
    *,
    model: str,
    prices: Mapping[uuid.UUID, int],
    failed: Set[uuid.UUID],
    cached_ppm: Mapping[uuid.UUID, int],
    now: datetime,
    logprobs: bool = False,
) -> list[Candidate]:
    """Return the providers among the organisations in `prices` that have ever served the model.

    Each is priced as given; those in `failed` have let the job down; `cached_ppm` is by provider id. For a
    job that asks for `logprobs` those are not ready whose engines do not tell them.
    """
    served = ProviderModel.objects.filter(model_id=model, provider__organisation_id__in=list(prices))
    rows = list(served.select_related("provider"))
    provider_ids = [row.provider_id for row in rows]
    known = standings(provider_ids=provider_ids, now=now)
    live = Lease.objects.filter(provider_id__in=provider_ids, state__in=Lease.LIVE, job__model_id=model)
    running = dict(live.values_list("provider_id").annotate(count=Count("id")))
    return [
        _candidate(
            row,
            known.get((row.provider_id, model), Standing()),
            price=prices[row.provider.organisation_id],
            running=running.get(row.provider_id, 0),
            prefix_ppm=cached_ppm.get(row.provider_id, 0),
            has_failed=row.provider.organisation_id in failed,
            ready=is_ready(row, now=now) and (row.logprobs or not logprobs),
            now=now,
        )
        for row in rows
    ]


def standings(*, provider_ids: Iterable[uuid.UUID], now: datetime) -> dict[tuple[uuid.UUID, str], Standing]:
    """Return how these providers did in the last days, by provider and model."""
    since = now.date() - timedelta(days=_DAYS - 1)
    days = defaultdict(list)
    for day in ServiceDay.objects.filter(provider_id__in=list(provider_ids), day__gte=since):
        days[day.provider_id, day.model_id].append(day)
    return {
        key: Standing(
            sum(day.delivered for day in some),
            sum(day.failed for day in some),
            tuple(merged([day.first_token_counts for day in some])),
        )
        for key, some in days.items()
    }


def breaker(provider: Provider, *, now: datetime) -> Breaker:
    """Return the provider's circuit breaker as it stands."""
    last = provider.last_fault_at or now
    # However the lease that tries it ended, by its provider's doing or not: then the next one may try it.
    tried = provider.canary is not None and _is_live(provider.canary)
    return Breaker(provider.faults, (now - last) // timedelta(seconds=1), tried)


def is_ready(row: ProviderModel, *, now: datetime) -> bool:
    """Tell whether the provider serves the model now, as far as its heartbeats say."""
    heard = row.provider.last_heartbeat_at
    return row.ready and not row.provider.draining and heard is not None and is_heard(heard, now=now)


def _is_live(lease_id: uuid.UUID) -> bool:
    return Lease.objects.filter(id=lease_id, state__in=Lease.LIVE).exists()


def _candidate(
    row: ProviderModel,
    standing: Standing,
    *,
    price: int,
    running: int,
    prefix_ppm: int,
    has_failed: bool,
    ready: bool,
    now: datetime,
) -> Candidate:
    provider = row.provider
    ids = (
        public_id("provider", provider.id),
        public_id("organisation", provider.organisation_id),
        str(provider.id),
        str(provider.organisation_id),
    )
    return Candidate(
        key=str(provider.organisation_id),
        name=provider.name,
        names=frozenset(ids),
        price_nano_usd_per_cu=price,
        delivered=standing.delivered,
        failed=standing.failed,
        first_token_ms=standing.first_token_p50_ms,
        rate_ucu_per_s=row.rate_ucu_per_s,
        running=running,
        prefix_ppm=prefix_ppm,
        slots=max(1, row.slots),
        circuit=breaker(provider, now=now).circuit,
        is_ready=ready,
        has_failed=has_failed,
    )
