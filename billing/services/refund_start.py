"""Ask for money back under the caller's key."""

import hashlib
import uuid
from datetime import datetime
from typing import Any

import msgspec

from billing.selectors.card_views import refund_view
from billing.services.refund_create import refund_create
from core.idempotency import once
from core.retry import transact
from cux.wire.payments import NewRefund, RefundView


def refund_start(
    *, organisation_id: uuid.UUID, asked: NewRefund, key: str, now: datetime
) -> list[RefundView]:
    """This function will begin to refund what is asked for, once per `key`; one refund per deposit it is of.

    Raises:
        CuxError: as `refund_create`; IDEMPOTENCY_KEY_REUSED for another body.
    """
    body_sha256 = hashlib.sha256(b"refund " + msgspec.json.encode(asked)).digest()

    def begun() -> dict[str, Any]:
        rows = refund_create(organisation_id=organisation_id, amount_nano_usd=asked.amount_nano_usd, now=now)
        return {"data": [msgspec.to_builtins(refund_view(row)) for row in rows]}

    answer, _ = transact(
        lambda: once(organisation_id=organisation_id, key=key, body_sha256=body_sha256, action=begun)
    )
    return msgspec.convert(answer["data"], list[RefundView])
