"""Providers: who delivers, what they have ready, and when they were up."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id
from inference.models.catalogue import CatalogueModel


class Provider(models.Model):
    """An organisation's agent: its key, its standing, its last sign of life, its receipt chain.

    `enrol_token_sha256` is of the single-use token, spent once `public_key` (hex) is there. `faults` in a
    row, the last one at `last_fault_at`, open its circuit breaker; `canary` is the lease that tries it
    again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.OneToOneField(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="provider"
    )
    name = models.CharField(max_length=80)
    trust_tier = models.CharField(max_length=4, default="L1")
    tier_factor_ppm = models.IntegerField(default=1_000_000)
    hold_back_ppm = models.IntegerField(default=500_000)
    enrol_token_sha256 = models.BinaryField(max_length=32, null=True, unique=True)
    public_key = models.CharField(max_length=64, blank=True)
    enrolled_at = models.DateTimeField(null=True)
    last_heartbeat_at = models.DateTimeField(null=True)
    draining = models.BooleanField(default=False)
    faults = models.IntegerField(default=0)
    last_fault_at = models.DateTimeField(null=True)
    canary = models.UUIDField(null=True)
    receipt_sequence = models.BigIntegerField(default=0)
    receipt_head = models.CharField(max_length=64, default="0" * 64)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class ProviderModel(models.Model):
    """A model that a provider serves, and the speed that was measured there.

    `turn_clock` is the virtual time of the jobs that wait for its slots (`inference.routing.turns`), and
    `background_clock` that of batches' jobs, which wait behind all others;
    `problem` is what its agent last said to be wrong with the model's engines, and `logprobs` whether they
    tell how likely their tokens were.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="models")
    model = models.ForeignKey(CatalogueModel, on_delete=models.PROTECT, related_name="+")
    rate_ucu_per_s = models.BigIntegerField(default=0)
    slots = models.IntegerField(default=0)
    ready = models.BooleanField(default=False)
    problem = models.CharField(max_length=1_024, blank=True, db_default="")
    logprobs = models.BooleanField(default=False, db_default=False)
    turn_clock = models.BigIntegerField(default=0)
    background_clock = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "model"], name="provider_model_once")]

    def __str__(self) -> str:
        return f"{self.model_id} at {self.provider}"


class Uptime(models.Model):
    """An interval in which heartbeats that offer a model arrived without a gap; no provider: the exchange.

    The exchange's own intervals tell its outages, in which a provider counts as available.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True, related_name="uptimes")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["provider", "-ended_at"], name="uptime_latest")]

    def __str__(self) -> str:
        return f"{self.started_at} – {self.ended_at}"
