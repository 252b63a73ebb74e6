"""When two addresses are the same, whoever wrote them. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Final

_FIELDS: Final = ("country", "postal_code", "line1")


def address_sha256(address: Mapping[str, str | None]) -> str:
    """Return a digest that equal addresses share: country, postal code, first line, in letters and digits.

    Case, spaces and punctuation do not count. Empty where one of the three is missing: that proves nothing.
    """
    parts = [
        "".join(sign for sign in (address.get(name) or "").casefold() if sign.isalnum()) for name in _FIELDS
    ]
    return hashlib.sha256("|".join(parts).encode()).hexdigest() if all(parts) else ""
