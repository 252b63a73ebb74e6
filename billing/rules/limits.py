"""What may be paid in, and how often it may be tried. Pure."""

from typing import Final

from core.errors import Code, CuxError
from core.money import NANO_PER_CENT, NANO_PER_USD, format_usd

DEPOSIT_MIN_NANO_USD: Final = 5 * NANO_PER_USD
DEPOSIT_MAX_NANO_USD: Final = 10_000 * NANO_PER_USD
TRIES_PER_HOUR: Final = 10
"""Payments that an organisation may try within an hour, whatever becomes of them: who tests stolen cards
needs many."""


def require_cents(amount_nano_usd: int, *, param: str = "amount_nano_usd") -> None:
    """Refuse an amount that is no whole number of cents. Raises CuxError INVALID_FIELD."""
    if amount_nano_usd % NANO_PER_CENT:
        said = "Cards move whole cents: a multiple of 10,000,000 nano-USD."
        raise CuxError(Code.INVALID_FIELD, said, param=param)


def require_deposit(amount_nano_usd: int, *, param: str = "amount_nano_usd") -> None:
    """Refuse what cannot be paid in at once. Raises CuxError INVALID_FIELD."""
    require_cents(amount_nano_usd, param=param)
    if not DEPOSIT_MIN_NANO_USD <= amount_nano_usd <= DEPOSIT_MAX_NANO_USD:
        least, most = format_usd(DEPOSIT_MIN_NANO_USD), format_usd(DEPOSIT_MAX_NANO_USD)
        raise CuxError(Code.INVALID_FIELD, f"A deposit is {least} to {most}.", param=param)
