"""Budgets: the most that jobs may cost in a day or a month, per organisation or per API key."""

from django.db import models

from core.ids import new_id


class Budget(models.Model):
    """A limit on what the jobs of an organisation, or of one of its API keys, cost in each window.

    Windows are days and months in UTC. A budget ends (`ended_at`) and is not deleted: its windows stay.
    """

    class Window(models.TextChoices):
        """How long a window is."""

        DAY = "day"
        MONTH = "month"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation_id = models.UUIDField()
    api_key_id = models.UUIDField(null=True)
    window = models.CharField(max_length=5, choices=Window.choices)
    limit_nano_usd = models.BigIntegerField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_id", "api_key_id", "window"],
                condition=models.Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="budget_once",
            ),
            models.CheckConstraint(
                condition=models.Q(limit_nano_usd__gte=0), name="budget_limit_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.limit_nano_usd} a {self.window}"


class BudgetWindow(models.Model):
    """What one window of a budget has reserved for running jobs and spent on settled ones.

    `opening_nano_usd` of what is spent was charged in the window before its row was made. `limit_nano_usd` is
    the budget's, or what was spent and reserved already when that was lowered below it.
    """

    id = models.BigAutoField(primary_key=True)
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="windows", db_index=False)
    starts_at = models.DateTimeField()
    limit_nano_usd = models.BigIntegerField()
    opening_nano_usd = models.BigIntegerField()
    reserved_nano_usd = models.BigIntegerField(default=0)
    spent_nano_usd = models.BigIntegerField()
    alerted_percent = models.SmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="budget_window_once"),
            models.CheckConstraint(
                condition=models.Q(
                    limit_nano_usd__gte=models.F("reserved_nano_usd") + models.F("spent_nano_usd"),
                    reserved_nano_usd__gte=0,
                    spent_nano_usd__gte=models.F("opening_nano_usd"),
                    opening_nano_usd__gte=0,
                ),
                name="budget_window_within_limit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.spent_nano_usd} of {self.limit_nano_usd}"


class BudgetReservation(models.Model):
    """The most that a running job can still cost, set aside in one window; `ended_at` when it has ended."""

    id = models.BigAutoField(primary_key=True)
    window = models.ForeignKey(
        BudgetWindow, on_delete=models.PROTECT, related_name="reservations", db_index=False
    )
    job_id = models.UUIDField()
    amount_nano_usd = models.BigIntegerField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job_id", "window"], name="budget_reservation_once"),
            models.CheckConstraint(
                condition=models.Q(amount_nano_usd__gte=0), name="budget_reservation_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["window"], name="budget_reservation_window")]

    def __str__(self) -> str:
        return f"{self.amount_nano_usd} of {self.window_id}"
