"""The rows of budgets' windows: made when first needed, locked in one order."""

from datetime import datetime

from django.db.models import QuerySet

from billing.models import Budget, BudgetWindow
from billing.selectors.budgets import charged_since


def window_make(*, budget: Budget, starts_at: datetime) -> None:
    """This function will make a window's row, with what was charged in it before, unless it is there."""
    total = charged_since(budget, starts_at)
    window = BudgetWindow(
        budget=budget,
        starts_at=starts_at,
        limit_nano_usd=max(budget.limit_nano_usd, total),
        opening_nano_usd=total,
        spent_nano_usd=total,
    )
    BudgetWindow.objects.bulk_create([window], ignore_conflicts=True)


def windows_lock(windows: QuerySet[BudgetWindow]) -> list[BudgetWindow]:
    """Return windows with their budgets, locked in order of their ids; inside a transaction."""
    rows = windows.select_for_update(no_key=True, of=("self",)).select_related("budget").order_by("id")
    return list(rows)
