"""The form of API keys: `cux_<prefix>_<secret>`, kept only as prefix and SHA-256.

The secret part is 256 random bits, so a plain SHA-256 is enough: nobody can guess through it.
"""

import hashlib
import re
import secrets

_PREFIX_BYTES = 4
_SECRET_BYTES = 32
_FORM = re.compile(r"cux_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\Z")


def secret_generate() -> tuple[str, str]:
    """Return a fresh prefix (public, to tell keys apart) and the whole secret."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    return prefix, f"cux_{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def secret_digest(secret: str) -> bytes | None:
    """Return the SHA-256 under which the key is kept; None for a text that cannot be a key."""
    return hashlib.sha256(secret.encode()).digest() if _FORM.match(secret) else None
