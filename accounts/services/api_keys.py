"""API keys: made once, shown once, revoked for good."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import ApiKey, Organisation
from accounts.models.api_key import ORDER_LIMIT
from accounts.networks import parse_networks
from accounts.secrets import secret_generate
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.ids import public_id

LIVE_KEYS_MAX: Final = 50
"""Keys of an organisation that are neither revoked nor expired."""


@dataclass(frozen=True)
class IssuedKey:
    """A new key with its secret, which is kept nowhere and can never be shown again."""

    key: ApiKey
    secret: str = field(repr=False)


def require_room_for_a_key(*, organisation_id: uuid.UUID, now: datetime) -> None:
    """This function will lock the organisation in the caller's transaction, and count its live keys.

    Raises:
        CuxError: TOO_MANY_KEYS.
    """
    # Of two at once, the second counts. Without the key: orders refer to the row and must not wait.
    Organisation.objects.select_for_update(no_key=True).get(id=organisation_id)
    live = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
    if live.filter(organisation_id=organisation_id).count() >= LIVE_KEYS_MAX:
        raise CuxError(Code.TOO_MANY_KEYS)


@transaction.atomic
def api_key_create(
    *,
    organisation_id: uuid.UUID,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    allowed_networks: Iterable[str] = (),
    order_limit: int = ORDER_LIMIT,
    order_window_s: int = 1,
) -> IssuedKey:
    """This function will make a key with these scopes (`ApiKey.Scope`), for use from these CIDR networks.

    Raises:
        CuxError: INVALID_FIELD, no scope, an unknown one, or what is no network; FORBIDDEN, `operate` for
            another organisation than the house.
    """
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(ApiKey.Scope.values):
        raise CuxError(Code.INVALID_FIELD, f"Scopes are some of {ApiKey.Scope.values}.", param="scopes")
    house = Organisation.objects.filter(id=organisation_id, is_house=True)
    if ApiKey.Scope.OPERATE in wanted and not house.exists():
        raise CuxError(Code.FORBIDDEN, "Only the exchange's own keys may operate it.", param="scopes")
    try:
        networks = [str(network) for network in parse_networks(allowed_networks)]
    except ValueError as unreadable:
        raise CuxError(Code.INVALID_FIELD, f"{unreadable}.", param="allowed_networks") from unreadable
    prefix, secret = secret_generate(settings.MARKET_MODE)
    key = ApiKey.objects.create(
        organisation_id=organisation_id,
        name=name,
        prefix=prefix,
        sha256=hashlib.sha256(secret.encode()).digest(),
        scopes=wanted,
        expires_at=expires_at,
        allowed_networks=networks,
        order_limit=order_limit,
        order_window_s=order_window_s,
    )
    audit_note(
        Action.KEY_CREATED,
        public_id("key", key.id),
        organisation_id=organisation_id,
        name=name,
        scopes=wanted,
        networks=networks,
    )
    return IssuedKey(key=key, secret=secret)


@transaction.atomic
def api_key_revoke(*, organisation_id: uuid.UUID, key_id: uuid.UUID, now: datetime) -> None:
    """This function will end a key of the organisation; every process refuses it within a second.

    Revoking twice keeps the first time.

    Raises:
        CuxError: NOT_FOUND, the organisation has no such key.
    """
    keys = ApiKey.objects.filter(id=key_id, organisation_id=organisation_id)
    if not keys.exists():
        raise CuxError(Code.NOT_FOUND, "There is no such key.")
    if keys.filter(revoked_at__isnull=True).update(revoked_at=now):
        audit_note(Action.KEY_REVOKED, public_id("key", key_id), organisation_id=organisation_id)
