"""What operators proposed to do with money, as operators see it, and what must hold of it."""

import uuid
from datetime import datetime
from typing import Final

import msgspec

from billing.models import MoneyAction
from billing.models.money_action import OPEN_FOR
from billing.selectors.invariants import Invariant
from core.clock import rfc3339
from core.ids import public_id
from cux.wire.oversight import MoneyActionView

INVARIANTS: Final = (
    Invariant(
        "money_action_is_posted",
        "what two operators agreed on has one entry of its amount out of a house account",
        """
        SELECT format('money action %s: %s, posted %s', a.id, a.amount_nano_usd, p.amount)
        FROM billing_moneyaction a LEFT JOIN billing_entry e ON e.id = a.entry_id
        LEFT JOIN LATERAL (
            SELECT sum(t.amount) AS amount FROM billing_transfer t JOIN billing_account s ON s.id = t.debit_id
            WHERE t.entry_id = a.entry_id AND s.kind IN ('fee_income', 'insurance', 'external_cash')
        ) p ON true
        WHERE a.entry_id IS NOT NULL AND (
            e.key <> 'money_action:' || a.id OR p.amount IS DISTINCT FROM a.amount_nano_usd::numeric)
        ORDER BY a.id
        """,
    ),
    Invariant(
        "posted_money_action_has_row",
        "an entry that operators made is of one action that two agreed on",
        """
        SELECT format('entry %s: %s', e.id, e.key) FROM billing_entry e
        WHERE e.kind = 'money_action'
            AND NOT EXISTS (SELECT FROM billing_moneyaction a WHERE a.entry_id = e.id) ORDER BY e.id
        """,
    ),
)
_SUBJECTS: Final = {"hold_release": "hold"} | dict.fromkeys(
    ("payout_release", "payout_restore", "reversal_credit", "reversal_keep"), "payout"
)
"""By kind, what `subject_id` is the id of."""


def money_action_list(*, limit: int, now: datetime, before: uuid.UUID | None = None) -> list[MoneyActionView]:
    """Return proposals, newest first, older than `before`."""
    rows = MoneyAction.objects.order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [money_action_view(row, now) for row in rows[:limit]]


def money_action_view(row: MoneyAction, now: datetime) -> MoneyActionView:
    """Return one proposal as operators see it at `now`."""
    who, subject = row.organisation_id, row.subject_id
    named = _SUBJECTS.get(row.kind)
    lapsed = "lapsed" if now > row.proposed_at + OPEN_FOR else "proposed"
    facts = {
        "money_action_id": public_id("money_action", row.id),
        "kind": str(row.kind),
        "status": "approved" if row.approved_by else lapsed,
        "organisation_id": public_id("organisation", who) if who else None,
        "source": row.source or None,
        "amount_nano_usd": row.amount_nano_usd,
        "reason": row.reason,
        "proposed_by": row.proposed_by,
        "proposed_at": rfc3339(row.proposed_at),
        "approved_by": row.approved_by or None,
        "approved_at": rfc3339(row.approved_at) if row.approved_at else None,
    }
    if named is not None and subject is not None:
        facts[f"{named}_id"] = public_id(named, subject)
    return msgspec.convert(facts, MoneyActionView)
