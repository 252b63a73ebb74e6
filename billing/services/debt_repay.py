"""Repay dispute debt out of funding, before anything else is done with money that came."""

import uuid
from datetime import datetime
from typing import Final

from django.db import connection

from billing.ledger.chart import Kind, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.services.ledger_post import ledger_post

_FACTS: Final = """
    SELECT (SELECT t.amount FROM billing_entry e JOIN billing_transfer t ON t.entry_id = e.id
            WHERE e.key = %(repaid)s),
           EXISTS (SELECT FROM billing_entry WHERE key = %(sent)s),
           (SELECT -posted FROM billing_balance WHERE account_id = %(debt)s)
"""
_LOCK: Final = "SELECT -posted FROM billing_balance WHERE account_id = %s FOR NO KEY UPDATE"


def debt_repay(
    *, organisation_id: uuid.UUID, up_to_nano_usd: int, key: str, sent_key: str, now: datetime
) -> int:
    """This function will repay what the organisation owes out of its funding, at most `up_to_nano_usd`.

    Return what is repaid under `key`, now or before: it happens once. Nothing is if the entry `sent_key`
    is posted: then the money went its way when nothing was owed. Runs in the caller's transaction.
    """
    debt = of_organisation(Kind.DISPUTE_DEBT, organisation_id)
    entry_key = f"debt_repaid:{organisation_id.hex}:{key}"
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, {"repaid": entry_key, "sent": sent_key, "debt": debt.id})
        repaid, is_sent, owed = cursor.fetchone()
        if repaid is not None or is_sent or not owed or owed <= 0:
            return repaid or 0
        cursor.execute(_LOCK, [debt.id])
        (owed,) = cursor.fetchone()
    part = min(owed, up_to_nano_usd)
    if part <= 0:
        return 0
    funding = of_organisation(Kind.FUNDING, organisation_id)
    entry = JournalEntry(
        key=entry_key,
        kind="debt_repaid",
        legs=(Leg(funding, debt, part),),
        event_at=now,
        ref=str(organisation_id),
    )
    ledger_post(entries=[entry], now=now)
    return int(part)
