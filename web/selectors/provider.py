"""A provider as its own people see it: is it up, how fast, what did it earn, what does it run."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from billing.selectors.balances import OrganisationBalance, organisation_balance
from core.errors import Code, CuxError
from exchange.models import Capacity
from inference.models import Lease, Provider, ProviderModel

LEASES = 20


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """Status is `ready`, `draining`, `dark` or `not enrolled`; `why` says what to do about it."""

    provider: Provider
    status: str
    why: str
    models: list[ProviderModel]
    capacities: list[Capacity]
    balance: OrganisationBalance
    leases: list[Lease]


def provider_page(*, organisation_id: uuid.UUID, now: datetime) -> ProviderPage:
    """Return what the provider page shows. Raises CuxError NOT_FOUND for who is no provider."""
    provider = Provider.objects.filter(organisation_id=organisation_id).first()
    if provider is None:
        raise CuxError(Code.NOT_FOUND, "This organisation has no provider.")
    models = list(provider.models.order_by("model_id"))
    status, why = _status(provider, models, now)
    return ProviderPage(
        provider=provider,
        status=status,
        why=why,
        models=models,
        capacities=list(Capacity.objects.filter(organisation_id=organisation_id).order_by("compute_class")),
        balance=organisation_balance(organisation_id),
        leases=list(provider.leases.select_related("job").defer("job__prompt").order_by("-id")[:LEASES]),
    )


def _status(provider: Provider, models: list[ProviderModel], now: datetime) -> tuple[str, str]:
    if provider.enrolled_at is None:
        return "not enrolled", "Start the agent with its enrol token: no agent has used it yet."
    heard = provider.last_heartbeat_at
    if heard is None or now - heard > timedelta(seconds=settings.PROVIDER_DARK_S):
        return (
            "dark",
            "The exchange does not hear the agent. Look at its log and its network.",
        )
    if provider.draining:
        return "draining", "The agent finishes what it has and takes no new jobs."
    if not any(model.ready for model in models):
        return "starting", "The agent is up; its engine is not ready to serve yet."
    return "ready", "Jobs arrive when buyers draw what they bought from you."
