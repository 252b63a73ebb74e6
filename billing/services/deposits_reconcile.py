"""Look after every deposit that nobody has finished: lost hints, lost answers, webhooks that never came."""

from datetime import datetime
from typing import Final

from billing.models import Deposit
from billing.services.deposit_step import deposit_step
from billing.services.while_available import while_available

_BATCH: Final = 100


def deposits_reconcile(*, now: datetime) -> int:
    """This function will take unfinished deposits that are due one step on; return how many changed."""
    due = Deposit.objects.filter(state__in=Deposit.UNFINISHED, next_step_at__lte=now)
    ids = list(due.order_by("next_step_at").values_list("id", flat=True)[:_BATCH])
    return while_available(ids, lambda row: deposit_step(deposit_id=row, now=now), name="deposits")
