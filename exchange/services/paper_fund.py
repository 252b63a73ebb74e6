"""Paper money, for whoever trades on a test market."""

import uuid
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from billing.selectors.balances import organisation_balance
from billing.services.deposit_record import deposit_record
from billing.services.wallet_move import send_to_wallet
from core.errors import Code, CuxError
from core.money import NANO_PER_USD, format_usd

MOST_NANO_USD: Final = 1_000_000 * NANO_PER_USD
"""What an account of the test market may have at hand after asking for more."""


@transaction.atomic
def paper_fund(*, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, now: datetime) -> None:
    """This function will give an organisation paper money, once per `key`; it reaches the wallet shortly.

    Raises:
        CuxError: TEST_MARKET_ONLY on the live market; INVALID_FIELD for an amount that is not positive, or
            with which more than `MOST_NANO_USD` would be at hand; IDEMPOTENCY_KEY_REUSED for another amount.
    """
    if settings.MARKET_MODE != "test":
        raise CuxError(Code.TEST_MARKET_ONLY)
    name = f"paper:{organisation_id.hex}:{key}"
    outcome = deposit_record(
        organisation_id=organisation_id, amount_nano_usd=amount_nano_usd, key=name, now=now
    )
    if outcome.replayed:
        return
    balance = organisation_balance(organisation_id)
    if balance.funding + balance.transit + balance.wallet_posted > MOST_NANO_USD:
        raise CuxError(
            Code.INVALID_FIELD,
            f"With paper money an account has at most {format_usd(MOST_NANO_USD)}.",
            param="amount_nano_usd",
        )
    send_to_wallet(organisation_id=organisation_id, amount_nano_usd=amount_nano_usd, key=name, now=now)
