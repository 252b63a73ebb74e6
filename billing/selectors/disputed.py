"""What is still here of what a card payment bought."""

from django.db import connection
from django.db.models import F

from billing.ledger.chart import Kind, of_organisation
from billing.models import CardSpend
from billing.rules.disputes import Kept
from billing.selectors.balances import balances

_HOLDS = """
    SELECT h.id, a.organisation_id, h.placed - h.captured - h.released
    FROM billing_hold h JOIN billing_account a ON a.id = h.account_id
    WHERE h.kind = 'card_risk' AND h.ref = %s AND h.ended_at IS NULL AND h.expires_at > clock_timestamp()
    ORDER BY h.created_at, h.id
"""


def money_kept(*, payment_intent_id: str) -> tuple[list[Kept], list[Kept]]:
    """Return the open holds on earnings for a payment, and what of it is still held back, oldest first.

    The notes of what was held back are locked: the caller takes of it in this transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLDS, [f"deposit:{payment_intent_id}"])
        earnings = [Kept(*row) for row in cursor.fetchall()]
    waiting = CardSpend.objects.filter(
        lot__payment_intent_id=payment_intent_id,
        held_back_nano_usd__gt=F("matured_nano_usd") + F("taken_nano_usd"),
    )
    held_back = []
    for spend in waiting.order_by("id").select_for_update(no_key=True, of=["self"]):
        account = of_organisation(Kind.HOLD_BACK, spend.provider_id)
        left = spend.held_back_nano_usd - spend.matured_nano_usd - spend.taken_nano_usd
        part = min(left, balances([account])[account].available)
        if part:
            held_back.append(Kept(spend.id, spend.provider_id, part))
    return earnings, held_back
