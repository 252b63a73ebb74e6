"""Signed heads of the ledger's hash chain. No key is needed; `cux.wire.ledger_head` checks them."""

from cux.client.call import Call, get
from cux.client.views import Page
from cux.wire.ledger_head import SignedHead


def ledger_head_get() -> Call[SignedHead]:
    """Return the newest head; one is published every hour in which the ledger grew."""
    return get("/v1/ledger/head", SignedHead)


def ledger_head_at(height: int) -> Call[SignedHead]:
    """Return the head that was published of a height."""
    return get(f"/v1/ledger/heads/{height}", SignedHead)


def ledger_head_list(*, page_size: int = 50) -> Call[Page[SignedHead]]:
    """Iterate over the heads, newest first; pages are fetched as they are needed."""
    return get("/v1/ledger/heads", Page[SignedHead], limit=page_size)
