"""The intent to pay in: checked, taxed, written down. Stripe is asked afterwards, by `deposit_step`."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from billing.models import Deposit
from billing.rules.limits import TRIES_PER_HOUR, require_deposit
from billing.services.customer_ensure import customer_lock
from billing.services.document_issue import buyer_of
from billing.services.tax import tax_for
from core.errors import Code, CuxError
from core.hints import hint_on_commit

_HOUR: Final = timedelta(hours=1)
_HEAD_START: Final = timedelta(seconds=30)
STEP_TASK: Final = "billing.deposit_step"


@transaction.atomic
def deposit_create(
    *,
    organisation_id: uuid.UUID,
    amount_nano_usd: int,
    method: Deposit.Method,
    payment_method_id: str = "",
    saves_card: bool = False,
    return_url: str = "",
    is_asked_here: bool = False,
    now: datetime,
) -> Deposit:
    """This function will write down that an organisation is to pay in `amount_nano_usd`, tax on top.

    A worker takes it from there; if `is_asked_here`, the caller does, and a worker looks after it later: two
    that ask Stripe under one key at once are in each other's way.

    Raises:
        CuxError: INVALID_FIELD, not whole cents, too little or too much; TOO_MANY_PAYMENTS. Nothing is
            written then.
    """
    require_deposit(amount_nano_usd)
    customer_lock(organisation_id)
    _require_not_too_often(organisation_id, now)
    tax = tax_for(organisation_id=organisation_id, net_nano_usd=amount_nano_usd, now=now)
    deposit = Deposit.objects.create(
        organisation_id=organisation_id,
        method=method,
        amount_nano_usd=amount_nano_usd,
        tax_nano_usd=tax.amount_nano_usd,
        tax_rate_ppm=tax.rate_ppm,
        tax_note=tax.note,
        billed_to=buyer_of(organisation_id),
        payment_method_id=payment_method_id,
        saves_card=saves_card,
        return_url=return_url or settings.EXCHANGE_URL,
        created_at=now,
        next_step_at=now + _HEAD_START if is_asked_here else now,
    )
    if not is_asked_here:
        hint_on_commit(task=STEP_TASK, queue="jobs", deposit_id=str(deposit.id))
    return deposit


def _require_not_too_often(organisation_id: uuid.UUID, now: datetime) -> None:
    tries = Deposit.objects.filter(organisation_id=organisation_id, created_at__gt=now - _HOUR)
    times = list(tries.order_by("-created_at").values_list("created_at", flat=True)[:TRIES_PER_HOUR])
    if len(times) == TRIES_PER_HOUR:
        wait_s = int((times[-1] + _HOUR - now).total_seconds()) + 1
        raise CuxError(Code.TOO_MANY_PAYMENTS, retry_after_s=wait_s)
