"""The heads of all receipt chains are signed and published every hour: no chain can be cut back unseen."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import transaction

from core.clock import rfc3339
from core.exchange_key import exchange_key
from core.ids import public_id
from cux.wire import canonical
from cux.wire.receipt_heads import ReceiptHead, SignedReceiptHeads, sign_receipt_heads
from inference.models import Provider, ReceiptHeadSet

PERIOD: Final = timedelta(hours=1)


@transaction.atomic
def receipt_heads_publish(*, now: datetime) -> SignedReceiptHeads | None:
    """This function will sign the heads of the chains if an hour has passed; return them, or None.

    Level-triggered; two at once publish two sets, which both hold.
    """
    last = ReceiptHeadSet.objects.order_by("-published_at").first()
    rows = Provider.objects.filter(receipt_sequence__gt=0).order_by("id")
    heads = [
        ReceiptHead(
            provider_id=public_id("provider", row.id),
            provider_seq=row.receipt_sequence,
            receipt_hash=row.receipt_head,
        )
        for row in rows
    ]
    if not heads or (last and last.published_at > now - PERIOD):
        return None
    signed = sign_receipt_heads(heads, published_at=rfc3339(now), key=exchange_key())
    ReceiptHeadSet.objects.create(published_at=now, document=canonical.encode(msgspec.to_builtins(signed)))
    return signed
