"""API keys: made once, shown once, revoked for good."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from accounts.models import ApiKey
from accounts.secrets import secret_generate
from core.errors import Code, CuxError


@dataclass(frozen=True)
class IssuedKey:
    """A new key with its secret, which is kept nowhere and can never be shown again."""

    key: ApiKey
    secret: str = field(repr=False)


def api_key_create(*, organisation_id: uuid.UUID, name: str, scopes: Iterable[str]) -> IssuedKey:
    """This function will make a key with these scopes (`read`, `trade`, `infer`, `provide`).

    Raises:
        CuxError: INVALID_FIELD, no scope or an unknown one.
    """
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(ApiKey.Scope.values):
        raise CuxError(Code.INVALID_FIELD, f"Scopes are some of {ApiKey.Scope.values}.", param="scopes")
    prefix, secret = secret_generate(settings.MARKET_MODE)
    key = ApiKey.objects.create(
        organisation_id=organisation_id,
        name=name,
        prefix=prefix,
        sha256=hashlib.sha256(secret.encode()).digest(),
        scopes=wanted,
    )
    return IssuedKey(key=key, secret=secret)


def api_key_revoke(*, organisation_id: uuid.UUID, key_id: uuid.UUID, now: datetime) -> None:
    """This function will end a key of the organisation; every process refuses it within a second.

    Revoking twice keeps the first time.

    Raises:
        CuxError: NOT_FOUND, the organisation has no such key.
    """
    keys = ApiKey.objects.filter(id=key_id, organisation_id=organisation_id)
    if not keys.exists():
        raise CuxError(Code.NOT_FOUND, "There is no such key.")
    keys.filter(revoked_at__isnull=True).update(revoked_at=now)
