"""Providers: made by an operator with a single-use token, enrolled by their agent with a key."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from accounts.services import api_key_create
from core.errors import Code, CuxError
from core.exchange_key import exchange_key
from core.ids import public_id
from cux.wire.agent import EnrolRequest, EnrolResponse
from inference.models import Provider
from inference.selectors.catalogue import model_list

_REPEAT_WITHIN: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class ProviderCreated:
    """A provider with the token its agent enrols with, shown once."""

    provider: Provider
    enrol_token: str = field(repr=False)


def provider_create(
    *, organisation_id: uuid.UUID, name: str, trust_tier: str = "L1", hold_back_ppm: int = 500_000
) -> ProviderCreated:
    """This function will let an organisation become a provider: its agent enrols with the token."""
    token = f"enrol_{secrets.token_urlsafe(32)}"
    provider = Provider.objects.create(
        organisation_id=organisation_id,
        name=name,
        trust_tier=trust_tier,
        hold_back_ppm=hold_back_ppm,
        enrol_token_sha256=_digest(token),
    )
    return ProviderCreated(provider, token)


@transaction.atomic
def provider_enrol(*, request: EnrolRequest, now: datetime) -> EnrolResponse:
    """This function will spend the token, keep the agent's public key and give it an API key.

    For a few minutes the same token with the same public key gives a fresh API key, since the first
    answer may have been lost.

    Raises:
        CuxError: INVALID_ENROL_TOKEN, unknown or already spent.
    """
    waiting = Provider.objects.select_for_update(no_key=True)
    provider = waiting.filter(enrol_token_sha256=_digest(request.token)).first()
    if provider is None or not _may_enrol(provider, request.public_key, now):
        raise CuxError(Code.INVALID_ENROL_TOKEN)
    if provider.enrolled_at is None:
        provider.public_key = request.public_key
        provider.enrolled_at = now
        provider.save(update_fields=["public_key", "enrolled_at"])
    issued = api_key_create(
        organisation_id=provider.organisation_id, name=f"agent {request.name}"[:80], scopes=["provide"]
    )
    return EnrolResponse(
        provider_id=public_id("provider", provider.id),
        api_key=issued.secret,
        exchange_public_key=exchange_key().public.hex(),
        heartbeat_s=settings.HEARTBEAT_S,
        models=[model.name for model in model_list()],
        relay_url=settings.RELAY_URL,
    )


def _may_enrol(provider: Provider, public_key: str, now: datetime) -> bool:
    if provider.enrolled_at is None:
        return True
    return provider.public_key == public_key and now - provider.enrolled_at <= _REPEAT_WITHIN


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
