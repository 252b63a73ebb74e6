"""Where Stripe's pages may lead people back to. Pure."""

from typing import Final
from urllib.parse import urlsplit

from core.errors import Code, CuxError

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def require_return_url(url: str) -> None:
    """Refuse an address that is neither https nor on this machine. Raises CuxError INVALID_FIELD."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        raise CuxError(Code.INVALID_FIELD, "Expected an https address.", param="return_url")
