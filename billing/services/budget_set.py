"""Set and end budgets. A change counts at once, in the window that is running too."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from accounts.models import ApiKey
from billing.models import Budget, BudgetWindow
from core.errors import Code, CuxError
from core.money import BIGINT_MAX


@transaction.atomic
def budget_set(
    *,
    organisation_id: uuid.UUID,
    api_key_id: uuid.UUID | None,
    window: str,
    limit_nano_usd: int,
    now: datetime,
) -> Budget:
    """This function will give an organisation, or one of its keys, a budget per window, or change its limit.

    What is spent or reserved already stays, also where that is more; then no further job is admitted.

    Raises:
        CuxError: INVALID_FIELD, the organisation has no such key; NUMBER_TOO_LARGE.
    """
    if not 0 <= limit_nano_usd <= BIGINT_MAX:
        raise CuxError(Code.NUMBER_TOO_LARGE, param="limit_nano_usd")
    own = ApiKey.objects.filter(organisation_id=organisation_id)
    if api_key_id is not None and not own.filter(id=api_key_id).exists():
        raise CuxError(Code.INVALID_FIELD, "This account has no such API key.", param="key_id")
    budget = Budget(
        organisation_id=organisation_id,
        api_key_id=api_key_id,
        window=window,
        limit_nano_usd=limit_nano_usd,
        created_at=now,
    )
    Budget.objects.bulk_create([budget], ignore_conflicts=True)
    kept = Budget.objects.get(
        organisation_id=organisation_id, api_key_id=api_key_id, window=window, ended_at__isnull=True
    )
    kept.limit_nano_usd = limit_nano_usd
    kept.save(update_fields=["limit_nano_usd"])
    latest = BudgetWindow.objects.filter(budget=kept).order_by("-starts_at").values_list("id")[:1]
    BudgetWindow.objects.filter(id__in=latest).update(
        limit_nano_usd=Greatest(limit_nano_usd, F("reserved_nano_usd") + F("spent_nano_usd"))
    )
    return kept


@transaction.atomic
def budget_end(*, organisation_id: uuid.UUID, budget_id: uuid.UUID, now: datetime) -> Budget:
    """This function will end a budget; running jobs go on. What its windows say stays.

    Raises:
        CuxError: NOT_FOUND.
    """
    rows = Budget.objects.select_for_update(no_key=True)
    budget = rows.filter(id=budget_id, organisation_id=organisation_id, ended_at__isnull=True).first()
    if budget is None:
        raise CuxError(Code.NOT_FOUND, "There is no such budget.")
    budget.ended_at = now
    budget.save(update_fields=["ended_at"])
    return budget
