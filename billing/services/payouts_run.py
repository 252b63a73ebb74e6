"""The day's payouts, and every unfinished payout one step on."""

import uuid
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Exists, OuterRef

from billing.ledger.chart import Kind
from billing.models import Balance, Payee, Payout
from billing.services.payout_decide import payout_decide
from billing.services.payout_step import payout_step
from billing.services.while_available import while_available
from core.errors import Code, CuxError
from core.reconcile import for_each

_NOT_NOW = frozenset({Code.PAYEE_NOT_READY, Code.DEBT_OPEN, Code.PAYOUT_TOO_SMALL, Code.MONEY_STOPPED})


def payouts_run(*, now: datetime) -> int:
    """This function will decide on the payouts of this UTC day once its hour has come; return how many.

    Each payee gets one a day at most, whoever runs this and how often. Payees whose earnings are below the
    least that is paid out are not looked at one by one: most are, on most of the day's runs.
    """
    day = now.astimezone(UTC).date()
    if now.astimezone(UTC).hour < settings.PAYOUT_HOUR_UTC:
        return 0
    enough = Balance.objects.filter(
        account__kind=Kind.EARNINGS.value,
        account__organisation_id=OuterRef("organisation_id"),
        posted__gte=settings.PAYOUT_MIN_NANO_USD,
    )
    waiting = Payee.objects.filter(Exists(enough)).exclude(payouts__day=day)
    waiting = waiting.exclude(payouts__state=Payout.State.BLOCKED)

    def decide(organisation_id: uuid.UUID) -> bool:
        try:
            payout_decide(organisation_id=organisation_id, day=day, now=now)
        except CuxError as refusal:
            if refusal.code in _NOT_NOW:
                return False
            raise
        return True

    ids = waiting.filter(payouts_enabled=True, transfers_active=True).order_by("id")
    return for_each(list(ids.values_list("organisation_id", flat=True)), decide, name="payouts")


def payouts_reconcile(*, now: datetime) -> int:
    """This function will take every payout whose time has come one step on; return how many moved."""
    due = Payout.objects.filter(next_step_at__lte=now).order_by("next_step_at")
    ids = list(due.values_list("id", flat=True)[:200])
    return while_available(ids, lambda row: payout_step(payout_id=row, now=now), name="payout_steps")
