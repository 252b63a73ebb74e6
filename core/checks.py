"""What `manage.py check` asks of settings that only fail when they are used."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from core.exchange_key import retired_keys


@register
def retired_keys_are_read(**_: Any) -> Sequence[CheckMessage]:
    """Refuse retired keys that cannot be read: `ledger_verify` would take heads for forged."""
    try:
        retired_keys()
    except ValueError as unreadable:
        return [Error(str(unreadable), hint="`manage.py signing_key` prints an entry.", id="cux.E002")]
    return []
