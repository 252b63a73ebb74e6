"""The first half of funding a trading wallet: the sequencer's `fund` command does the second."""

import uuid
from datetime import datetime

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.services.amounts import require_amount
from billing.services.ledger_post import PostOutcome, ledger_post
from core.retry import transact


def to_transit(*, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, now: datetime) -> PostOutcome:
    """This function will move money from funding into transit, once per organisation and `key`.

    Raises:
        CuxError: INVALID_FIELD, NUMBER_TOO_LARGE, INSUFFICIENT_BALANCE; IDEMPOTENCY_KEY_REUSED for
            another amount.
    """
    require_amount(amount_nano_usd)
    funding = of_organisation(Kind.FUNDING, organisation_id)
    entry = JournalEntry(
        key=f"transit:{organisation_id.hex}:{key}",
        kind="wallet.to_transit",
        legs=(Leg(funding, of_house(Kind.TRANSIT), amount_nano_usd),),
        event_at=now,
        ref=str(organisation_id),
    )
    return transact(lambda: ledger_post(entries=[entry], now=now))[0]
