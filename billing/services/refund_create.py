"""Ask for unspent money back: written down, kept from being refunded twice, and pulled out of the wallet."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F

from billing.models import Deposit, Refund
from billing.rules.limits import require_cents
from billing.rules.refunds import RefundPart
from billing.selectors.debts import debt_of
from billing.selectors.refundable import deposits_paid, refund_plan
from billing.services.amounts import require_amount
from billing.services.card_origins import origins_settle
from billing.services.customer_ensure import customer_lock
from billing.services.money_stop import require_money_runs
from core.errors import Code, CuxError
from core.ids import new_id
from core.outbox import outbox_add


@transaction.atomic
def refund_create(*, organisation_id: uuid.UUID, amount_nano_usd: int | None, now: datetime) -> list[Refund]:
    """This function will begin to refund an amount, or all that is unspent; one row per deposit it is of.

    The money leaves the wallet first (`wallet.defund`); `refund_pulled` goes on from there.

    Raises:
        CuxError: MONEY_STOPPED; INVALID_FIELD, not whole cents; DEBT_OPEN; as `refund_plan`. Nothing is
            written then.
    """
    require_money_runs()
    if amount_nano_usd is not None:
        require_amount(amount_nano_usd)
        require_cents(amount_nano_usd)
    if debt_of(organisation_id) > 0:
        raise CuxError(Code.DEBT_OPEN)
    customer_lock(organisation_id)
    # Deposits before what was sold on, and lots: as disputes and deposits do, so that none deadlocks.
    deposits = deposits_paid(organisation_id, lock=True)
    origins_settle(organisation_ids=[organisation_id])
    plan = refund_plan(organisation_id=organisation_id, amount_nano_usd=amount_nano_usd, deposits=deposits)
    request_id = new_id()
    return [_begin(part, request_id, now) for part in plan.parts]


def _begin(part: RefundPart[Deposit], request_id: uuid.UUID, now: datetime) -> Refund:
    deposit = part.key
    Deposit.objects.filter(id=deposit.id).update(refunded_nano_usd=F("refunded_nano_usd") + part.amount)
    refund = Refund.objects.create(
        organisation_id=deposit.organisation_id,
        deposit=deposit,
        request_id=request_id,
        amount_nano_usd=part.amount,
        fee_nano_usd=part.fee,
        tax_nano_usd=part.tax,
        card_nano_usd=part.card,
        created_at=now,
        next_step_at=now,
    )
    outbox_add(
        topic="wallet.defund",
        payload={
            "organisation_id": str(deposit.organisation_id),
            "amount_nano_usd": part.amount,
            "key": f"refund {refund.id}",
            "reply_topic": "refund.pulled",
            "reply": {"refund_id": str(refund.id)},
        },
    )
    return refund
