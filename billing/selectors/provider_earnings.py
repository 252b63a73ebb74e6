"""What a provider earned, charge by charge, and what of each was held back."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from billing.ledger.chart import Kind, of_organisation

_EARNED: Final = """
    SELECT c.id, c.kind, c.subject_id, c.model, c.card_hash, c.prompt_tokens, c.cached_tokens,
           c.output_tokens, c.compute_ucu, c.booked_at,
           coalesce(sum(t.amount) FILTER (WHERE t.credit_id = %(earnings)s), 0)::bigint,
           coalesce(sum(t.amount) FILTER (WHERE t.credit_id = %(held)s), 0)::bigint
    FROM billing_charge c
    LEFT JOIN billing_entry e ON e.key = c.entry_key
    LEFT JOIN billing_transfer t ON t.entry_id = e.id AND t.credit_id IN (%(earnings)s, %(held)s)
    WHERE c.provider_id = %(provider)s AND c.id < %(before)s
    GROUP BY c.id ORDER BY c.id DESC LIMIT %(limit)s
"""
NEWEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Earned:
    """One charge as its provider sees it; `paid` became earnings at once, `held` waits. Nano-USD."""

    charge_id: int
    kind: str
    subject_id: uuid.UUID
    model: str
    card_hash: str
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    compute_ucu: int
    booked_at: datetime
    paid_nano_usd: int
    held_nano_usd: int


def provider_earned(*, organisation_id: uuid.UUID, limit: int, before: int = NEWEST) -> list[Earned]:
    """Return what a provider's organisation earned, newest first, from the charge `before` on backwards."""
    with connection.cursor() as cursor:
        cursor.execute(
            _EARNED,
            {
                "earnings": of_organisation(Kind.EARNINGS, organisation_id).id,
                "held": of_organisation(Kind.HOLD_BACK, organisation_id).id,
                "provider": organisation_id,
                "before": before,
                "limit": limit,
            },
        )
        return [Earned(*row) for row in cursor.fetchall()]
