"""The key that the exchange signs with: receipts, and the heads of the ledger's chain."""

from functools import lru_cache

from django.conf import settings

from cux.wire.signing import SigningKey, decode_key


@lru_cache(maxsize=1)
def exchange_key() -> SigningKey:
    """Return the exchange's signing key."""
    return SigningKey(decode_key(settings.RECEIPT_SIGNING_SEED))
