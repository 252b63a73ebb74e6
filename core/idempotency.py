"""POSTs that do not go through the sequencer: what a key did once is not done again."""

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from core.errors import Code, CuxError
from core.models import IdempotentResponse


@transaction.atomic
def once(
    *, organisation_id: uuid.UUID, key: str | None, body_sha256: bytes, action: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """This function will run `action` in one transaction with the record of its key.

    Return what it returned (JSON), and whether that is from an earlier time. Without a key it always
    runs. If it raises, the key stays free. Two calls at once: the second waits for the first to end, as its
    row has the same unique key.

    Raises:
        CuxError: IDEMPOTENCY_KEY_REUSED, the key was used with another body; nothing was done.
    """
    if key is None:
        return action(), False
    row = IdempotentResponse(organisation_id=organisation_id, key=key, body_sha256=body_sha256)
    IdempotentResponse.objects.bulk_create([row], ignore_conflicts=True)
    kept = IdempotentResponse.objects.get(organisation_id=organisation_id, key=key)
    if bytes(kept.body_sha256) != body_sha256:
        raise CuxError(Code.IDEMPOTENCY_KEY_REUSED)
    if kept.response is not None:
        return kept.response, True
    kept.response = action()
    kept.save(update_fields=["response"])
    return kept.response, False
