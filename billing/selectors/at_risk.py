"""Earnings that are set aside for card payments which may yet be disputed, and until when."""

import uuid
from datetime import date
from typing import Final

from django.db import connection

from billing.ledger.chart import Kind, of_organisation

_BY_DAY: Final = """
    SELECT (h.expires_at AT TIME ZONE 'UTC')::date + 1, sum(h.placed - h.captured - h.released)::bigint
    FROM billing_hold h WHERE h.account_id = %s AND h.kind = 'card_risk' AND h.ended_at IS NULL
        AND h.expires_at > clock_timestamp()
    GROUP BY 1 ORDER BY 1
"""


def at_risk_by_day(organisation_id: uuid.UUID) -> list[tuple[date, int]]:
    """Return from which UTC day on what of the earnings is free, the soonest first, in nano-USD."""
    account = of_organisation(Kind.EARNINGS, organisation_id)
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY, [account.id])
        return [(day, amount) for day, amount in cursor.fetchall()]
