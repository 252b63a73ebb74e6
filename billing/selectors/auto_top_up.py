"""Standing orders to pay in, and whose time has come."""

import uuid
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Sum

from billing.ledger.chart import Kind, of_house
from billing.models import AutoTopUp, Deposit
from core.errors import Code, CuxError
from cux.wire.payments import AutoTopUpView

_LOW: Final = """
    SELECT t.organisation_id FROM billing_autotopup t
    WHERE t.is_on AND t.next_try_at <= %(now)s
    AND NOT EXISTS (
        SELECT FROM billing_deposit d WHERE d.organisation_id = t.organisation_id
        AND d.method = 'auto_top_up' AND d.state IN ('pending', 'open', 'requires_action')
    )
    AND NOT EXISTS (  -- a debt is not repaid by charging a card that nobody said could be charged for it
        SELECT FROM billing_account a JOIN billing_balance b ON b.account_id = a.id
        WHERE a.organisation_id = t.organisation_id AND a.kind = 'dispute_debt' AND b.posted < 0
    )
    AND t.threshold_nano_usd > (
        SELECT coalesce(sum(b.posted - b.held), 0) FROM billing_account a
        JOIN billing_balance b ON b.account_id = a.id
        WHERE a.organisation_id = t.organisation_id AND a.kind IN ('wallet', 'funding')
    ) + (
        SELECT coalesce(sum(-p.amount), 0)
        FROM billing_account a JOIN billing_posting p ON p.account_id = a.id
        WHERE a.organisation_id = t.organisation_id AND a.kind IN ('wallet', 'funding')
        AND p.counter_id = %(transit)s
    )
    ORDER BY t.next_try_at LIMIT 200
"""


def auto_top_up_get(*, organisation_id: uuid.UUID, now: datetime) -> AutoTopUpView:
    """Return the organisation's rules. Raises CuxError NOT_FOUND if it never set any."""
    row = AutoTopUp.objects.filter(organisation_id=organisation_id).first()
    if row is None:
        raise CuxError(Code.NOT_FOUND, "There is no automatic top-up of this account.")
    return AutoTopUpView(
        is_on=row.is_on,
        off_reason=row.off_reason or None,  # type: ignore[arg-type]
        threshold_nano_usd=row.threshold_nano_usd,
        amount_nano_usd=row.amount_nano_usd,
        monthly_cap_nano_usd=row.monthly_cap_nano_usd,
        payment_method=row.payment_method_id,
        declines=row.declines,
        this_month_nano_usd=topped_up_this_month(organisation_id=organisation_id, now=now),
    )


def topped_up_this_month(*, organisation_id: uuid.UUID, now: datetime) -> int:
    """Return what top-ups of the calendar month (UTC) have paid in, or are about to; nano-USD."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    live = [*Deposit.UNFINISHED, Deposit.State.SUCCEEDED]
    rows = Deposit.objects.filter(
        organisation_id=organisation_id,
        method=Deposit.Method.AUTO_TOP_UP,
        state__in=live,
        created_at__gte=month,
    )
    total: int = rows.aggregate(total=Sum("amount_nano_usd"))["total"] or 0
    return total


def running_low(*, now: datetime) -> list[uuid.UUID]:
    """Return who has less to spend than their threshold, money on its way counted, no top-up running, and
    owes nothing for disputes."""
    with connection.cursor() as cursor:
        cursor.execute(_LOW, {"now": now, "transit": of_house(Kind.TRANSIT).id})
        return [row[0] for row in cursor.fetchall()]
