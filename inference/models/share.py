"""Shares: what providers that failed within an answer will be paid of its bill."""

from django.db import models

from core.ids import new_id
from exchange.models import Entitlement
from inference.models.lease import Lease


class Share(models.Model):
    """What stays set aside on one entitlement for the tokens of a lease that another lease continued.

    It is the part `amount_ucu` of the job's hold `hold_id`: drawn with the job's settlement, released with
    its refund, and not `active` from then on.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lease = models.ForeignKey(Lease, on_delete=models.PROTECT, related_name="shares")
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="shares")
    hold_id = models.UUIDField(unique=True)
    amount_ucu = models.BigIntegerField()
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.amount_ucu} µCU of {self.lease}"
