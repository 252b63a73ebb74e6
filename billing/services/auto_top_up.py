"""Pay in by the saved card when little is left. Level-triggered: run it at any time, any number of times.

One top-up of an organisation is under way at once (a unique index says so), and money that is on its way to
the wallet counts as there: so none is made twice. After a decline there is a pause, each twice as long as
the one before; after the third in a row the rules are switched off.
"""

import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.models import AutoTopUp, Deposit
from billing.selectors.auto_top_up import running_low, topped_up_this_month
from billing.services.customer_ensure import customer_lock
from billing.services.deposit_create import deposit_create
from billing.services.money_stop import money_is_stopped
from billing.services.while_available import while_available
from core.errors import Code, CuxError

log = structlog.get_logger(__name__)

DECLINES_MAX: Final = 3
_PAUSE_AFTER_DECLINE: Final = timedelta(hours=1)
_PAUSE_AT_LIMIT: Final = timedelta(minutes=10)


def auto_top_ups_run(*, now: datetime) -> int:
    """This function will begin a top-up for everybody who runs low, and return how many it began."""
    return while_available(
        running_low(now=now), lambda row: auto_top_up_begin(organisation_id=row, now=now), name="auto_top_ups"
    )


@transaction.atomic
def auto_top_up_begin(*, organisation_id: uuid.UUID, now: datetime) -> bool:
    """This function will write the intent of one top-up down, unless the cap or a limit is reached.

    Return whether it did. The charge follows by `deposit_step`.
    """
    customer_lock(organisation_id)
    rules = AutoTopUp.objects.select_for_update(no_key=True).get(organisation_id=organisation_id)
    if money_is_stopped():
        return False
    if not rules.is_on or rules.next_try_at > now or organisation_id not in running_low(now=now):
        return False
    this_month = topped_up_this_month(organisation_id=organisation_id, now=now)
    if this_month + rules.amount_nano_usd > rules.monthly_cap_nano_usd:
        return _pause(rules, now + _PAUSE_AT_LIMIT)
    try:
        deposit_create(
            organisation_id=organisation_id,
            amount_nano_usd=rules.amount_nano_usd,
            method=Deposit.Method.AUTO_TOP_UP,
            payment_method_id=rules.payment_method_id,
            now=now,
        )
    except CuxError as refusal:
        if refusal.code is not Code.TOO_MANY_PAYMENTS:
            raise
        return _pause(rules, now + timedelta(seconds=refusal.retry_after_s or 0))
    return True


def auto_top_up_told(*, deposit: Deposit, now: datetime) -> None:
    """This function will count what became of a top-up; the caller has just ended it, in its transaction."""
    if deposit.method != Deposit.Method.AUTO_TOP_UP:
        return
    rules = AutoTopUp.objects.select_for_update(no_key=True).get(organisation_id=deposit.organisation_id)
    succeeded = deposit.state == Deposit.State.SUCCEEDED
    rules.declines = 0 if succeeded else rules.declines + 1
    if rules.declines >= DECLINES_MAX and rules.is_on:
        rules.is_on, rules.off_reason = False, AutoTopUp.OffReason.DECLINED
        log.warning("auto_top_up_off", organisation_id=str(deposit.organisation_id))
    if not succeeded:
        rules.next_try_at = now + _PAUSE_AFTER_DECLINE * 2 ** (rules.declines - 1)
    rules.save()


def _pause(rules: AutoTopUp, until: datetime) -> bool:
    rules.next_try_at = until
    rules.save(update_fields=["next_try_at"])
    return False
