"""Budgets with what is left of them now."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from billing.models import Budget, BudgetWindow, Charge
from billing.rules.windows import window_start


@dataclass(frozen=True, slots=True)
class BudgetFigures:
    """A budget and its window of now."""

    budget: Budget
    starts_at: datetime
    reserved_nano_usd: int
    spent_nano_usd: int

    @property
    def left_nano_usd(self) -> int:
        """Return what further jobs may cost in this window."""
        return max(0, self.budget.limit_nano_usd - self.reserved_nano_usd - self.spent_nano_usd)


def budget_list(*, organisation_id: uuid.UUID, now: datetime) -> list[BudgetFigures]:
    """Return the organisation's budgets, its own before its keys'."""
    rows = Budget.objects.filter(organisation_id=organisation_id, ended_at__isnull=True)
    return [
        budget_figures(row, now) for row in rows.order_by(F("api_key_id").asc(nulls_first=True), "window")
    ]


def budget_figures(budget: Budget, now: datetime) -> BudgetFigures:
    """Return a budget with its window of now, whose row is made by the first job in it."""
    starts_at = window_start(budget.window, now)
    window = BudgetWindow.objects.filter(budget=budget, starts_at=starts_at).first()
    if window is None:
        return BudgetFigures(budget, starts_at, 0, charged_since(budget, starts_at))
    return BudgetFigures(budget, starts_at, window.reserved_nano_usd, window.spent_nano_usd)


def charged_since(budget: Budget, starts_at: datetime) -> int:
    """Return what jobs that count in a budget were charged from a moment on, in nano-USD."""
    charged = Charge.objects.filter(
        kind=Charge.Kind.JOB, organisation_id=budget.organisation_id, booked_at__gte=starts_at
    )
    if budget.api_key_id is not None:
        charged = charged.filter(api_key_id=budget.api_key_id)
    total: int = charged.aggregate(total=Coalesce(Sum(F("escrow_nano_usd") + F("fee_nano_usd")), 0))["total"]
    return total
