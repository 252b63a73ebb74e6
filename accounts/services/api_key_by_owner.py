"""An owner makes a key on the web: what can take money out, or make other keys, with a fresh code."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import transaction

from accounts.models import ApiKey
from accounts.services.api_keys import IssuedKey, api_key_create, require_room_for_a_key
from accounts.services.second_factor import require_fresh
from core.errors import Code, CuxError

GUARDED: Final = frozenset({ApiKey.Scope.WITHDRAW, ApiKey.Scope.KEYS})
"""Scopes that are given only with a fresh code of an owner's."""


def api_key_by_owner(
    *,
    organisation_id: uuid.UUID,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None,
    allowed_networks: Iterable[str],
    code: str,
    now: datetime,
) -> IssuedKey:
    """This function will make a key of the owner's organisation. Not inside a transaction: codes are counted.

    The scope `operate` is not given on the web: operators' keys come from `manage.py api_key`.

    Raises:
        CuxError: FORBIDDEN, the scope `operate`; as `require_fresh`, if a guarded scope is asked for;
            TOO_MANY_KEYS; INVALID_FIELD, as `api_key_create`.
    """
    wanted = set(scopes)
    if ApiKey.Scope.OPERATE in wanted:
        raise CuxError(Code.FORBIDDEN, "Keys of operators are not made here.", param="scopes")
    if wanted & GUARDED:
        require_fresh(organisation_id=organisation_id, code=code, now=now)
    with transaction.atomic():
        require_room_for_a_key(organisation_id=organisation_id, now=now)
        return api_key_create(
            organisation_id=organisation_id,
            name=name,
            scopes=wanted,
            expires_at=expires_at,
            allowed_networks=allowed_networks,
        )
