"""Which providers exist, and which can serve now."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q

from inference.models import Lease, Provider, ProviderModel

_REMEMBERED: Final = timedelta(seconds=30)


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


def provider_list(*, now: datetime) -> list[ProviderFacts]:
    """Return the enrolled providers, by name; `models` are those ready, the rate is of all together."""
    rows = (
        Provider.objects.filter(enrolled_at__isnull=False).prefetch_related("models").order_by("name", "id")
    )
    return [_facts(row, now) for row in rows]


def ready_providers(*, model: str, now: datetime) -> list[uuid.UUID]:
    """Return the organisations that can serve the model now.

    Best first: none that let a job down within the last half minute, the least loaded, the fastest.
    """
    rows = (
        ProviderModel.objects.filter(
            model_id=model,
            ready=True,
            provider__draining=False,
            provider__last_heartbeat_at__gt=now - timedelta(seconds=settings.PROVIDER_DARK_S),
        )
        .annotate(
            running=Count("provider__leases", filter=Q(provider__leases__state__in=Lease.LIVE)),
            let_down=Exists(
                Lease.objects.filter(
                    provider=OuterRef("provider"),
                    state__in=[Lease.State.FAILED, Lease.State.EXPIRED],
                    ended_at__gt=now - _REMEMBERED,
                    job__canceled_at__isnull=True,
                )
            ),
        )
        .select_related("provider")
    )
    # Load is running ÷ slots; compared in thousandths so that it stays an integer.
    ranked = sorted(
        rows,
        key=lambda row: (
            row.let_down,
            1_000 * row.running // max(1, row.slots),
            -row.rate_ucu_per_s,
            row.provider.organisation_id,
        ),
    )
    return [row.provider.organisation_id for row in ranked]


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


def _facts(row: Provider, now: datetime) -> ProviderFacts:
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
    )
