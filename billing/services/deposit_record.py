"""Record money that came in from outside."""

import uuid
from datetime import datetime

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.services.amounts import require_amount
from billing.services.ledger_post import PostOutcome, ledger_post
from core.retry import transact


def deposit_record(
    *, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, now: datetime
) -> PostOutcome:
    """This function will credit an organisation's funding account, once per `key` (the payment's id).

    Raises:
        CuxError: INVALID_FIELD, NUMBER_TOO_LARGE; IDEMPOTENCY_KEY_REUSED for another amount or receiver.
    """
    require_amount(amount_nano_usd)
    funding = of_organisation(Kind.FUNDING, organisation_id)
    entry = JournalEntry(
        key=f"deposit:{key}",
        kind="deposit",
        legs=(Leg(of_house(Kind.EXTERNAL_CASH), funding, amount_nano_usd),),
        event_at=now,
        ref=str(organisation_id),
    )
    return transact(lambda: ledger_post(entries=[entry], now=now))[0]
