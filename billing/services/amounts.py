"""The one check of an amount that comes from outside."""

from core.errors import Code, CuxError
from core.money import BIGINT_MAX


def require_amount(amount_nano_usd: int) -> None:
    """Refuse what is no positive amount of nano-USD that the ledger can hold.

    Raises:
        CuxError: INVALID_FIELD, NUMBER_TOO_LARGE.
    """
    if amount_nano_usd <= 0:
        raise CuxError(Code.INVALID_FIELD, "An amount has to be above zero.", param="amount_nano_usd")
    if amount_nano_usd > BIGINT_MAX:
        raise CuxError(Code.NUMBER_TOO_LARGE, param="amount_nano_usd")
