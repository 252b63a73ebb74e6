"""Disputes (chargebacks): a cardholder's bank takes a payment back."""

from django.db import models
from django.db.models.functions import Now

from core.ids import new_id


class Dispute(models.Model):
    """What Stripe says of a dispute, and what it moved here, in nano-USD.

    `INQUIRY` and `INQUIRY_CLOSED`: the bank only asks, no money moves. `OPEN`: it took `withdrawn` and a fee
    when it opened the dispute. `WON`: `reinstated` came back. `LOST`: nothing more moves.
    """

    class State(models.TextChoices):
        """Where it stands."""

        INQUIRY = "inquiry"
        INQUIRY_CLOSED = "inquiry_closed"
        OPEN = "open"
        WON = "won"
        LOST = "lost"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    stripe_dispute_id = models.CharField(max_length=255)
    payment_intent_id = models.CharField(max_length=255)
    state = models.CharField(max_length=16, choices=State.choices)
    reason = models.CharField(max_length=80, blank=True)
    amount_nano_usd = models.BigIntegerField()
    withdrawn_nano_usd = models.BigIntegerField(default=0)
    fee_nano_usd = models.BigIntegerField(default=0)
    reinstated_nano_usd = models.BigIntegerField(default=0)
    fee_returned_nano_usd = models.BigIntegerField(default=0)
    lot_returned_nano_usd = models.BigIntegerField(default=0)
    of_deposit_nano_usd = models.BigIntegerField(default=0)
    evidence_due_by = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stripe_dispute_id"], name="dispute_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=["inquiry", "inquiry_closed", "open", "won", "lost"]),
                name="dispute_known_state",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    amount_nano_usd__gt=0,
                    withdrawn_nano_usd__gte=0,
                    fee_nano_usd__gte=0,
                    reinstated_nano_usd__gte=0,
                    fee_returned_nano_usd__gte=0,
                    lot_returned_nano_usd__gte=0,
                    of_deposit_nano_usd__gte=0,
                ),
                name="dispute_amounts",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    withdrawn_nano_usd__gte=models.F("reinstated_nano_usd"),
                    fee_nano_usd__gte=models.F("fee_returned_nano_usd"),
                ),
                name="dispute_not_reinstated_beyond_withdrawn",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "-opened_at"], name="dispute_of_organisation")]

    def __str__(self) -> str:
        return f"dispute of {self.amount_nano_usd} nano-USD ({self.state})"


class DisputeTaking(models.Model):
    """What a dispute took from one account, and what of it was given back.

    What the payer could not pay at once becomes the providers' whose money turns up later: from `DEBT` to
    `EARNINGS` and `HOLD_BACK`, the same in sum.
    """

    class Source(models.TextChoices):
        """From where; when money comes back, in this order."""

        DEBT = "debt"
        FUNDING = "funding"
        EARNINGS = "earnings"
        HOLD_BACK = "hold_back"
        TAX = "tax"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The unique (dispute, …) below is the index on dispute.
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="takings", db_index=False)
    source = models.CharField(max_length=10, choices=Source.choices)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, null=True, related_name="+"
    )
    spend = models.ForeignKey("billing.CardSpend", on_delete=models.PROTECT, null=True, related_name="+")
    amount_nano_usd = models.BigIntegerField()
    given_back_nano_usd = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dispute", "source", "organisation", "spend"],
                nulls_distinct=False,
                name="dispute_taking_once",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    given_back_nano_usd__gte=0,
                    amount_nano_usd__gte=models.F("given_back_nano_usd"),
                ),
                name="dispute_taking_amounts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_nano_usd} of {self.source}"
