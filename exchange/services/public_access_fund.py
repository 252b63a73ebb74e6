"""What fees have given for public access reaches the wallet that buys with it."""

from datetime import datetime
from typing import Final

from django.conf import settings

from accounts.selectors.house import PUBLIC_ACCESS_ID
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.selectors.balances import balances
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import send_to_wallet
from core.errors import Code, CuxError
from core.ids import new_id
from core.retry import transact

LEAST_NANO_USD: Final = 1_000_000
"""Less than a tenth of a cent waits for more."""


def public_access_fund(*, now: datetime) -> int:
    """This function will send what the public-access account has on to the pool's wallet; return how much.

    Nothing is sent while there is no free tier. Any number at once send it once: the account's balance is
    what they share, and it cannot go below zero.
    """
    if not settings.PUBLIC_ACCESS_DAY_UCU:
        return 0
    try:
        return transact(lambda: _send(now))
    except CuxError as refusal:
        if refusal.code is Code.INSUFFICIENT_BALANCE:  # somebody else has sent it since we looked
            return 0
        raise


def _send(now: datetime) -> int:
    account, funding = of_house(Kind.PUBLIC_ACCESS), of_organisation(Kind.FUNDING, PUBLIC_ACCESS_ID)
    amount = balances([account])[account].available
    if amount < LEAST_NANO_USD:
        return 0
    key = f"public-access:{new_id()}"
    entry = JournalEntry(key, "public_access", (Leg(account, funding, amount),), now)
    ledger_post(entries=[entry], now=now)
    send_to_wallet(organisation_id=PUBLIC_ACCESS_ID, amount_nano_usd=amount, key=key, now=now)
    return amount
