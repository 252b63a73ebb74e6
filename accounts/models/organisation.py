"""Who trades: organisations and the people in them."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from core.ids import new_id


class Organisation(models.Model):
    """A party of the market: it owns money, orders, entitlements, jobs and perhaps a provider.

    Exactly one organisation is the house (CUX itself): it owns the cover wallet.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    is_house = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_house"], condition=models.Q(is_house=True), name="organisation_one_house"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A person who acts for an organisation on the web."""

    class Role(models.TextChoices):
        """What the person may do."""

        OWNER = "owner"
        TRADER = "trader"
        VIEWER = "viewer"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.OWNER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} of {self.organisation}"
