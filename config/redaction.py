"""No secret gets into a log, whatever key, message or traceback it comes in: finished lines are masked.

Known by their form: API keys (ours and Stripe's), webhook and client secrets, bearer tokens, passwords in
addresses. Known by the name before them: passwords, tokens, cookies, one-time codes.
"""

import re
from typing import Final

MASK: Final = b"***"
FORMS: Final = re.compile(
    rb"(?P<key>\b(?:[srp]k_(?:live|test)|whsec|cux_[0-9a-f]{8})_)[\w+/=-]{8,}"
    rb"|(?P<client>_secret_)\w{8,}"
    rb"|(?P<bearer>\b(?i:bearer|basic)\s+)[\w.~+/=-]{8,}"
    rb"|(?P<address>\b[a-z]{3,12}://[^\s:/@\"']*:)(?!\*)[^\s@/\"']+(?=@)"
)
"""Secrets by their form: what no log may hold."""
_BETWEEN: Final = rb"\\?[\"']?\s*[:=]\s*\\?[\"']?"
_NAMED: Final = re.compile(
    rb"(?P<name>(?i:passw(?:or)?d\d?|secret|token|authorization|cookie|sessionid|recovery_codes?)"
    + _BETWEEN
    + rb"(?i:(?:bearer|basic)\s+)?)[^\s\"'\\,;&{}\[\]]{4,}"
    + rb"|(?P<code>\b(?i:code|otp|totp)"
    + _BETWEEN
    + rb")(?:\d{6}|[0-9a-f]{10})\b"
)
_HINTS: Final = (
    *(b"k_live_", b"k_test_", b"whsec_", b"cux_", b"secret", b"bearer", b"basic ", b"@", b"passw", b"token"),
    *(b"authorization", b"cookie", b"sessionid", b"code", b"otp"),
)
"""One of them is in every line with a secret. Most lines have none, and looking is cheap."""


def redact(line: bytes) -> bytes:
    """Return the line with every secret masked; what names it stays."""
    small = line.lower()
    if not any(hint in small for hint in _HINTS):
        return line
    return _NAMED.sub(_masked, FORMS.sub(_masked, line))


def _masked(found: re.Match[bytes]) -> bytes:
    return found[found.lastgroup or 0] + MASK
