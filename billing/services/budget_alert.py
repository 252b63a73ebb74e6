"""Tell an organisation, once per window, that 50, 80 or 100 % of a budget is used.

50 and 80 % count what settled jobs have cost; 100 % is when that reaches the limit, or the first job is
refused because too little is left.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import transaction

from billing.models import BudgetWindow
from billing.services.budget_windows import window_make, windows_lock
from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import public_id
from core.outbox import outbox_add

TOPIC: Final = "alert.budget"
STEPS_PERCENT: Final = (100, 80, 50)


class BudgetExceeded(CuxError):
    """A job was refused because a budget has too little left in this window."""

    def __init__(self, window: BudgetWindow, message: str) -> None:
        """Keep which window it is."""
        super().__init__(Code.BUDGET_EXCEEDED, message)
        self.budget = window.budget
        self.starts_at = window.starts_at


@contextmanager
def alert_on_refusal() -> Iterator[None]:
    """Alert that a budget is used up when what is inside is refused for it, and pass the refusal on.

    Outside of any transaction: that of the refused job is gone, and the alert has one of its own.
    """
    try:
        yield
    except BudgetExceeded as refused:
        with transaction.atomic():
            window_make(budget=refused.budget, starts_at=refused.starts_at)
            windows = BudgetWindow.objects.filter(budget=refused.budget, starts_at=refused.starts_at)
            for window in windows_lock(windows):
                _alert(window, 100)
                window.save(update_fields=["alerted_percent"])
        raise


def alert_if_due(window: BudgetWindow) -> None:
    """Alert if what was spent has reached a step that was not told yet. The caller saves the window."""
    limit = window.budget.limit_nano_usd
    step = next((step for step in STEPS_PERCENT if 100 * window.spent_nano_usd >= step * limit), 0)
    _alert(window, step)


def _alert(window: BudgetWindow, percent: int) -> None:
    if percent <= window.alerted_percent:
        return
    window.alerted_percent = percent
    budget = window.budget
    outbox_add(
        topic=TOPIC,
        payload={
            "budget_id": public_id("budget", budget.id),
            "organisation_id": str(budget.organisation_id),
            "key_id": public_id("key", budget.api_key_id) if budget.api_key_id else None,
            "window": budget.window,
            "starts_at": rfc3339(window.starts_at),
            "percent": percent,
            "limit_nano_usd": budget.limit_nano_usd,
            "spent_nano_usd": window.spent_nano_usd,
        },
    )
