"""API keys: shown once, kept as prefix and SHA-256."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models.organisation import Organisation
from core.ids import new_id


class ApiKey(models.Model):
    """A secret that lets a program act for an organisation within its scopes."""

    class Scope(models.TextChoices):
        """What a key may do; a key without `trade` cannot place orders, and so on."""

        READ = "read"
        TRADE = "trade"
        INFER = "infer"
        PROVIDE = "provide"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)
    sha256 = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"
