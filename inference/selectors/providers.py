"""Which providers exist, and which can serve now."""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from inference.models import Provider
from inference.routing import Circuit, wilson_lower_ppm
from inference.selectors.candidates import Standing, breaker, standings


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """How a provider did with one model in the last seven days.

    `reliability_ppm` is the lower end of Wilson's interval (95 %) of the share of leases that it delivered.
    """

    model: str
    delivered: int
    failed: int
    reliability_ppm: int
    first_token_p50_ms: int | None
    first_token_p99_ms: int | None


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """A provider as the market page and operators see it."""

    provider_id: uuid.UUID
    organisation_id: uuid.UUID
    name: str
    trust_tier: str
    up: bool
    draining: bool
    models: tuple[str, ...]
    rate_ucu_per_s: int
    receipts: int
    circuit: Circuit
    standings: tuple[ModelStanding, ...]


def provider_list(*, now: datetime) -> list[ProviderFacts]:
    """Return the enrolled providers, by name; `models` are those ready, the rate is of all together."""
    rows = (
        Provider.objects.filter(enrolled_at__isnull=False).prefetch_related("models").order_by("name", "id")
    )
    known = standings(provider_ids=[row.id for row in rows], now=now)
    by_provider = defaultdict(list)
    for (provider_id, model), standing in sorted(known.items()):
        by_provider[provider_id].append(_standing(model, standing))
    return [_facts(row, tuple(by_provider[row.id]), now) for row in rows]


def provider_keys() -> list[tuple[uuid.UUID, str]]:
    """Return the providers' ids with their public keys (hex), for whoever verifies receipts."""
    rows = Provider.objects.exclude(public_key="").order_by("id")
    return list(rows.values_list("id", "public_key"))


def is_dark(provider: Provider, *, up_since: datetime, now: datetime) -> bool:
    """Tell whether a provider has been silent for too long, while we ourselves were there to hear it."""
    heard = max(provider.last_heartbeat_at or up_since, up_since)
    return now - heard > timedelta(seconds=settings.PROVIDER_DARK_S)


def provider_of(*, organisation_id: uuid.UUID) -> uuid.UUID | None:
    """Return the id of the organisation's enrolled provider; None if it has none."""
    rows = Provider.objects.filter(organisation_id=organisation_id, enrolled_at__isnull=False)
    return rows.values_list("id", flat=True).first()


def _standing(model: str, standing: Standing) -> ModelStanding:
    trials = standing.delivered + standing.failed
    return ModelStanding(
        model=model,
        delivered=standing.delivered,
        failed=standing.failed,
        reliability_ppm=wilson_lower_ppm(standing.delivered, trials),
        first_token_p50_ms=standing.first_token_p50_ms,
        first_token_p99_ms=standing.first_token_p99_ms,
    )


def _facts(row: Provider, standings: tuple[ModelStanding, ...], now: datetime) -> ProviderFacts:
    ready = sorted(model.model_id for model in row.models.all() if model.ready)
    heard = row.last_heartbeat_at
    return ProviderFacts(
        provider_id=row.id,
        organisation_id=row.organisation_id,
        name=row.name,
        trust_tier=row.trust_tier,
        up=heard is not None and now - heard <= timedelta(seconds=settings.PROVIDER_DARK_S),
        draining=row.draining,
        models=tuple(ready),
        rate_ucu_per_s=sum(model.rate_ucu_per_s for model in row.models.all()),
        receipts=row.receipt_sequence,
        circuit=breaker(row, now=now).circuit,
        standings=standings,
    )
