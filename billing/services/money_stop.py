"""Stop money from leaving, and let it leave again once the books are compared with Stripe's.

After a restore the books do not know what left since the backup, and would send it once more. While money is
stopped no payout or refund is begun and no card is charged without its owner; what Stripe has done already is
still looked up and posted.
"""

from datetime import datetime

from django.db import connection, transaction

from billing.models import MoneyStop
from billing.selectors.stripe_books import GRACE
from core.audit import Action, audit_note
from core.clock import rfc3339
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
    """This function will let nothing leave from now on; again: from this now on, for this reason.

    A stop that came with a backup is renewed so by the restore's: nothing compared before it counts.
    """
    reason = reason[:200]
    open_stop = MoneyStop.objects.filter(resumed_at__isnull=True)
    if not open_stop.filter(stopped_at__lt=now).update(stopped_at=now, reason=reason):
        MoneyStop.objects.bulk_create([MoneyStop(reason=reason, stopped_at=now)], ignore_conflicts=True)
    audit_note(Action.MONEY_STOPPED, reason)


@transaction.atomic
def money_resume(*, now: datetime) -> None:
    """This function will let money leave again; if it does already: no effect.

    The newest comparison decides. It has to be later than the stop by more than the grace: until then what
    left just before the stop, and is not in the books, is taken for young, and not for a break.

    Raises:
        CuxError: MONEY_STOPPED, that comparison found a break or is too old.
    """
    stop = MoneyStop.objects.filter(resumed_at__isnull=True).first()
    if stop is None:
        return
    if _ended(stop, now):
        audit_note(Action.MONEY_RESUMED, stop.reason)
    elif money_is_stopped():
        settled_at = rfc3339(stop.stopped_at + GRACE)
        said = f"Compare the books with Stripe's after {settled_at}, until nothing breaks:"
        raise CuxError(Code.MONEY_STOPPED, f"{said} `manage.py stripe_reconcile`.")


def _ended(stop: MoneyStop, now: datetime) -> bool:
    """End a stop if the newest comparison allows it: the database alone decides and writes that."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_money_resume(%s, %s)", [stop.id, now])
        return bool(cursor.fetchone()[0])
