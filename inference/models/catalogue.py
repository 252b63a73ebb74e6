"""The models that can be asked for, each under its compute card."""

from django.db import models
from django.db.models.functions import Now


class CatalogueModel(models.Model):
    """A model revision in one precision: what callers name, what the card meters.

    `directory` holds the tokenizer and chat template with which the gateway itself counts tokens.
    """

    name = models.CharField(max_length=80, primary_key=True)
    revision = models.CharField(max_length=128)
    precision = models.CharField(max_length=16)
    card_hash = models.CharField(max_length=64, unique=True)
    card = models.JSONField()
    compute_class = models.ForeignKey("exchange.ComputeClass", on_delete=models.PROTECT, related_name="+")
    context_tokens = models.IntegerField()
    directory = models.CharField(max_length=400)
    licence = models.CharField(max_length=40)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
