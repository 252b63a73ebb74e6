"""A fresh code for a request that may be sent again: the same one, under its key, needs no second code."""

import hashlib
import uuid
from datetime import datetime

from accounts.services.second_factor import require_fresh
from core.models import IdempotentResponse


def require_fresh_once(
    *, organisation_id: uuid.UUID, code: str | None, key: str, asked: bytes, now: datetime
) -> None:
    """This function will use up a code of an owner's for what is `asked` under an idempotency key.

    Asked again word for word, with the same key and code, it lets it pass: a caller who got no answer repeats
    the request. Not inside a transaction.

    Raises as `require_fresh`.
    """
    name = f"{hashlib.sha256(key.encode()).hexdigest()} code"
    digest = hashlib.sha256(b"\0".join([key.encode(), (code or "").strip().encode(), asked])).digest()
    rows = IdempotentResponse.objects.filter(organisation_id=organisation_id, key=name)
    if bool(code) and digest in [bytes(kept) for kept in rows.values_list("body_sha256", flat=True)]:
        return
    require_fresh(organisation_id=organisation_id, code=code, now=now)
    row = IdempotentResponse(organisation_id=organisation_id, key=name, body_sha256=digest, response={})
    IdempotentResponse.objects.bulk_create([row], ignore_conflicts=True)
