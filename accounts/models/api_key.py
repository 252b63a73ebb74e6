"""API keys: shown once, kept as prefix and SHA-256."""

from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models.organisation import Organisation
from core.ids import new_id

ORDER_LIMIT: Final = 200
"""Orders a key may place in a second, if nothing else is said: one whole batch."""


class ApiKey(models.Model):
    """A secret that lets a program act for an organisation within its scopes, until it expires.

    `allowed_networks` are CIDR blocks it may be used from; none: from anywhere. It may place
    `order_limit` orders at once and as many again in every `order_window_s` seconds.
    `last_used_at` is when it was last presented, to within a minute.
    """

    class Scope(models.TextChoices):
        """What a key may do; a key without `trade` cannot place orders, and so on.

        `withdraw` takes money out (refunds, payouts and where they go); `keys` makes and revokes keys;
        `operate` is for operators, and only the house's keys have it.
        """

        READ = "read"
        TRADE = "trade"
        INFER = "infer"
        PROVIDE = "provide"
        WITHDRAW = "withdraw"
        KEYS = "keys"
        OPERATE = "operate"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)
    sha256 = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    allowed_networks = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    order_limit = models.IntegerField(default=ORDER_LIMIT)
    order_window_s = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(order_limit__gt=0, order_window_s__gt=0), name="api_key_order_limit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"
