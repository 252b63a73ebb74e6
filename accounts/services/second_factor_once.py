"""A fresh code for a request that may be sent again: the same one, under its key, needs no second code."""

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Final

from accounts.services.second_factor import require_fresh
from core.models import IdempotentResponse

REPEATABLE_FOR: Final = timedelta(minutes=10)
"""How long a request whose code is used up already may be sent again."""


def require_fresh_once(
    *, organisation_id: uuid.UUID, code: str | None, key: str, asked: bytes, now: datetime
) -> None:
    """This function will use up a code of an owner's for what is `asked` under an idempotency key.

    Asked again word for word within ten minutes, with the same key and code, it lets it pass: a caller who
    got no answer repeats the request. Not inside a transaction.

    Raises as `require_fresh`.
    """
    name = f"{hashlib.sha256(key.encode()).hexdigest()} code"
    digest = hashlib.sha256(b"\0".join([key.encode(), (code or "").strip().encode(), asked])).digest()
    rows = IdempotentResponse.objects.filter(
        organisation_id=organisation_id, key=name, created_at__gt=now - REPEATABLE_FOR
    )
    if bool(code) and digest in [bytes(kept) for kept in rows.values_list("body_sha256", flat=True)]:
        return
    require_fresh(organisation_id=organisation_id, code=code, now=now)
    row = IdempotentResponse(
        organisation_id=organisation_id, key=name, body_sha256=digest, response={}, created_at=now
    )
    IdempotentResponse.objects.bulk_create([row], ignore_conflicts=True)
