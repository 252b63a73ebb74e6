"""What a job may cost is set aside in every budget it counts in, with the hold on its compute.

A job counts in the windows in which it began, wherever it ends. Whoever calls has locked the job, and its
holder's entitlements; windows are locked after them, in order of their ids.
"""

import uuid
from datetime import datetime

from django.db.models import F, Q, QuerySet

from billing.models import Budget, BudgetReservation, BudgetWindow
from billing.rules.windows import window_start
from billing.services.budget_alert import BudgetExceeded, alert_if_due
from billing.services.budget_windows import window_make, windows_lock
from core.money import format_usd


def budget_reserve(
    *,
    organisation_id: uuid.UUID,
    api_key_id: uuid.UUID | None,
    job_id: uuid.UUID,
    amount_nano_usd: int,
    now: datetime,
    is_new: bool = False,
) -> None:
    """This function will set aside the most that a job can cost, in the caller's transaction.

    For a job that has begun before, with another provider, what is set aside changes to the new amount; one
    that `is_new` has set nothing aside yet.

    Raises:
        BudgetExceeded: a budget has less left (CuxError BUDGET_EXCEEDED); the caller undoes what it did.
    """
    before = BudgetReservation.objects.none() if is_new else BudgetReservation.objects.filter(job_id=job_id)
    kept = {row.window_id: row.amount_nano_usd for row in before}
    if kept:
        windows = windows_lock(BudgetWindow.objects.filter(id__in=kept))
    else:
        windows = windows_lock(_windows(organisation_id, api_key_id, now))
    for window in windows:
        _reserve(window, amount_nano_usd - kept.get(window.id, 0))
    BudgetReservation.objects.bulk_create(
        [
            BudgetReservation(window_id=window.id, job_id=job_id, amount_nano_usd=amount_nano_usd)
            for window in windows
        ],
        update_conflicts=True,
        unique_fields=["job_id", "window"],
        update_fields=["amount_nano_usd"],
    )


def budget_settle(*, job_id: uuid.UUID, charged_nano_usd: int, now: datetime) -> None:
    """This function will turn what a job had set aside into what it was charged (0: it was refunded), once.

    A settlement is never refused for a budget: what a job was admitted with is the most that it can cost.
    """
    open_rows = BudgetReservation.objects.filter(job_id=job_id, ended_at__isnull=True)
    amounts = dict(open_rows.values_list("window_id", "amount_nano_usd"))
    if not amounts:
        return
    for window in windows_lock(BudgetWindow.objects.filter(id__in=amounts)):
        window.reserved_nano_usd -= amounts[window.id]
        window.spent_nano_usd += charged_nano_usd
        used = window.reserved_nano_usd + window.spent_nano_usd
        window.limit_nano_usd = max(window.limit_nano_usd, used)
        alert_if_due(window)
        window.save(
            update_fields=["reserved_nano_usd", "spent_nano_usd", "limit_nano_usd", "alerted_percent"]
        )
    open_rows.update(ended_at=now)


def _windows(
    organisation_id: uuid.UUID, api_key_id: uuid.UUID | None, now: datetime
) -> QuerySet[BudgetWindow]:
    """Return the windows of now of all budgets that a job counts in; those that are missing are made."""
    counted = Q(api_key_id__isnull=True) | Q(api_key_id=api_key_id)
    budgets = Budget.objects.filter(counted, organisation_id=organisation_id, ended_at__isnull=True)
    wanted = [(budget, window_start(budget.window, now)) for budget in budgets]
    found = Q(pk__in=[])
    for budget, starts_at in wanted:
        found |= Q(budget=budget, starts_at=starts_at)
    there = set(BudgetWindow.objects.filter(found).values_list("budget_id", flat=True))
    for budget, starts_at in wanted:
        if budget.id not in there:
            window_make(budget=budget, starts_at=starts_at)
    return BudgetWindow.objects.filter(found)


def _reserve(window: BudgetWindow, more_nano_usd: int) -> None:
    limit = min(window.limit_nano_usd, window.budget.limit_nano_usd)
    left = limit - window.reserved_nano_usd - window.spent_nano_usd
    if more_nano_usd > max(left, 0):
        raise BudgetExceeded(
            window,
            f"The job may cost {format_usd(more_nano_usd)} and {format_usd(max(left, 0))} are left of the "
            f"budget of {format_usd(window.budget.limit_nano_usd)} a {window.budget.window}; nothing moved.",
        )
    BudgetWindow.objects.filter(id=window.id).update(reserved_nano_usd=F("reserved_nano_usd") + more_nano_usd)
