"""Stop money from leaving, and let it leave again once the books are compared with Stripe's.

After a restore the books do not know what left since the backup, and would send it once more. While money is
stopped no payout or refund is begun and no card is charged without its owner; what Stripe has done already is
still looked up and posted.
"""

from datetime import datetime

from django.db import transaction

from billing.models import MoneyStop, Reconciliation
from core.audit import Action, audit_note
from core.errors import Code, CuxError


def money_is_stopped() -> bool:
    """Tell whether nothing may leave now."""
    return MoneyStop.objects.filter(resumed_at__isnull=True).exists()


def require_money_runs() -> None:
    """Refuse what would send money out. Raises CuxError MONEY_STOPPED."""
    if money_is_stopped():
        raise CuxError(Code.MONEY_STOPPED)


@transaction.atomic
def money_stop(*, reason: str, now: datetime) -> None:
    """This function will let nothing leave from now on; again: no effect."""
    if money_is_stopped():
        return
    MoneyStop.objects.bulk_create([MoneyStop(reason=reason[:200], stopped_at=now)], ignore_conflicts=True)
    audit_note(Action.MONEY_STOPPED, reason[:200])


@transaction.atomic
def money_resume(*, now: datetime) -> None:
    """This function will let money leave again; if it does already: no effect.

    Raises:
        CuxError: MONEY_STOPPED, the books were not found to agree with Stripe's since it was stopped.
    """
    stop = MoneyStop.objects.select_for_update(no_key=True).filter(resumed_at__isnull=True).first()
    if stop is None:
        return
    if not Reconciliation.objects.filter(read_at__gt=stop.stopped_at, breaks=[]).exists():
        said = "Compare the books with Stripe's first: `manage.py stripe_reconcile` until nothing breaks."
        raise CuxError(Code.MONEY_STOPPED, said)
    stop.resumed_at = now
    stop.save(update_fields=["resumed_at"])
    audit_note(Action.MONEY_RESUMED, stop.reason)
