"""Publish the head of the ledger's chain every hour, signed: then nobody can rewrite what is below unseen."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.models import Head, Seal
from core.clock import rfc3339
from core.exchange_key import exchange_key
from cux.wire.ledger_head import SignedHead, sign_head

PERIOD: Final = timedelta(hours=1)


def head_publish(*, now: datetime) -> SignedHead | None:
    """This function will sign the newest seal if the last head is an hour old; return the head, if any.

    Level-triggered: it may run at any time, any number of times; two at once publish one head.
    """
    with transaction.atomic():
        seal = Seal.objects.order_by("-height").first()
        last = Head.objects.order_by("-pk").first()
        if seal is None or (last and (last.pk == seal.height or last.published_at > now - PERIOD)):
            return None
        signed = sign_head(
            height=seal.height, hash=bytes(seal.hash).hex(), published_at=rfc3339(now), key=exchange_key()
        )
        made = Head.objects.bulk_create(
            [
                Head(
                    seal=seal,
                    hash=seal.hash,
                    published_at=now,
                    key_id=signed.head.exchange_key_id,
                    signature=bytes.fromhex(signed.exchange_signature),
                )
            ],
            ignore_conflicts=True,
        )
        return signed if made else None
