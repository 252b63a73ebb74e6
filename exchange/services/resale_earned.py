"""Share out the fees of a resale, which are earned at the trade."""

import uuid
from datetime import datetime

from django.conf import settings

from billing.ledger.chart import Kind, of_house
from billing.ledger.posting import JournalEntry
from billing.services.ledger_post import ledger_post
from core.retry import transact
from exchange.services.shares import FeeShares, fee_legs


def resale_earned(*, trade_id: uuid.UUID, fees_nano_usd: int, now: datetime) -> None:
    """This function will give insurance and the public-access pool their shares of a resale's fees, once.

    The sequencer booked all of it as income: it shares no account with settlements, so as never to wait.
    """
    shares = FeeShares(settings.INSURANCE_SHARE_PPM, settings.PUBLIC_ACCESS_SHARE_PPM)
    legs = fee_legs(fees_nano_usd, shares, source=of_house(Kind.FEE_INCOME))
    if legs:
        entry = JournalEntry(f"resale:{trade_id}", "resale_fees", tuple(legs), now, ref=f"trade:{trade_id}")
        transact(lambda: ledger_post(entries=[entry], now=now))
