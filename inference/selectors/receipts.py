"""Receipts as the ledger seals them."""

from typing import Final

from billing.selectors.sealed_sources import SealedSource

RECEIPTS_SEALED: Final = SealedSource(
    "receipts",
    "inference_receipt",
    (("id", "job_id", "provider_id", "sequence", "previous_hash", "hash", "document", "created_at", "xid"),),
)
