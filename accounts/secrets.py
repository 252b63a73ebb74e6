"""The form of API keys: `sk_<mode>_<prefix>_<secret>`, kept only as prefix and SHA-256.

The mode says which market the key is for: `live`, or `test` for one that trades paper money. Keys made
before there were modes begin with `cux_` and are live ones.
The secret part is 256 random bits, so a plain SHA-256 is enough: nobody can guess through it.
"""

import hashlib
import re
import secrets

_PREFIX_BYTES = 4
_SECRET_BYTES = 32
_FORM = re.compile(r"(?:sk_(?P<mode>live|test)|cux)_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\Z")


def secret_generate(mode: str) -> tuple[str, str]:
    """Return a fresh prefix (public, to tell keys apart) and the whole secret, for `live` or `test`."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    return prefix, f"sk_{mode}_{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def secret_mode(secret: str) -> str | None:
    """Return the market a key is for, `live` or `test`; None for a text that cannot be a key."""
    form = _FORM.match(secret)
    return (form["mode"] or "live") if form is not None else None


def secret_digest(secret: str) -> bytes | None:
    """Return the SHA-256 under which the key is kept; None for a text that cannot be a key."""
    return hashlib.sha256(secret.encode()).digest() if _FORM.match(secret) else None
