"""Signed heads of the ledger's chain: what was published, and whether it still is what the chain says."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from billing.models import Head
from billing.selectors.invariants import Finding
from core.clock import rfc3339
from core.exchange_key import exchange_keys_at
from cux.wire.ledger_head import LedgerHead, SignedHead, head_is_signed

HEADS_RULE: Final = (
    "each published head is signed by a key that the exchange then had, and is still the hash of its seal"
)
_HEADS: Final = """
    SELECT head.seal_id, head.hash, head.published_at, head.key_id, head.signature, seal.hash
    FROM billing_head head LEFT JOIN billing_seal seal ON seal.height = head.seal_id ORDER BY head.seal_id
"""


def head_at(height: int) -> SignedHead | None:
    """Return the head that was published of this height, if one was."""
    row = Head.objects.filter(pk=height).first()
    return _signed(row) if row else None


def head_newest() -> SignedHead | None:
    """Return the newest head, if one was published yet."""
    row = Head.objects.order_by("-pk").first()
    return _signed(row) if row else None


def head_list(*, below: int | None, limit: int) -> Sequence[SignedHead]:
    """Return up to `limit` heads, the newest first, those below a height only."""
    rows = Head.objects.order_by("-pk")
    if below is not None:
        rows = rows.filter(pk__lt=below)
    return [_signed(row) for row in rows[:limit]]


def check_heads(cursor: CursorWrapper) -> Finding:
    """Return the finding about all heads, with the first broken one named."""
    cursor.execute(_HEADS)
    broken = next((said for row in cursor.fetchall() if (said := _fault(row))), None)
    return Finding("heads_stand", HEADS_RULE, broken)


def _fault(row: tuple[Any, ...]) -> str | None:
    height, head_hash, published_at, key_id, signature, seal_hash = row
    if seal_hash is None or bytes(seal_hash) != bytes(head_hash):
        return f"head {height}: the chain has another hash there, or none"
    head = Head(pk=height, hash=head_hash, published_at=published_at, key_id=key_id, signature=signature)
    keys = exchange_keys_at(published_at)
    if head_is_signed(_signed(head), keys):
        return None
    why = "did not sign this" if key_id in keys else f"had no key {key_id} then"
    return f"head {height}: the exchange {why}"


def _signed(row: Head) -> SignedHead:
    head = LedgerHead(
        height=row.pk,
        hash=bytes(row.hash).hex(),
        published_at=rfc3339(row.published_at),
        exchange_key_id=row.key_id,
    )
    return SignedHead(head=head, exchange_signature=bytes(row.signature).hex())
