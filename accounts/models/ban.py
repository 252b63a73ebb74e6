"""Who may not use the exchange any more, and why."""

from django.db import models
from django.db.models.functions import Now

from accounts.models.organisation import Organisation
from core.ids import new_id


class Ban(models.Model):
    """An organisation is shut out by an operator, wholly or as a provider, until it is lifted.

    What is its own stays its own: people still sign in, and take their money out.
    """

    class Reach(models.TextChoices):
        """From what: everything its keys do and all trading, or providing alone."""

        EVERYTHING = "everything"
        PROVIDING = "providing"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="bans")
    reach = models.CharField(max_length=10, choices=Reach)
    reason = models.CharField(max_length=200)
    banned_by = models.CharField(max_length=80)
    banned_at = models.DateTimeField(db_default=Now())
    lifted_by = models.CharField(max_length=80, blank=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "reach"],
                condition=models.Q(lifted_at=None),
                name="ban_one_in_force",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} ({self.reach})"
