"""Refunds: money of deposits that goes back to the card."""

from django.db import models
from django.db.models.functions import Now

from billing.models.deposit import TEXT, Deposit, whole_cents
from billing.models.entry import Entry
from core.ids import new_id


class Refund(models.Model):
    """A part of a deposit on its way back: `amount` leaves the balance, `card` reaches the card.

    card = amount − fee + tax: Stripe keeps its fee on the deposit, and whoever wants the money back bears
    their share of it; the tax on it is returned. `request_id` groups what was asked for at once.

    `PULLING`: the money is to come from the trading wallet to funding. `HELD`: it is held there, and Stripe
    is to be asked. `PENDING`: Stripe has it. `SUCCEEDED`: posted. `FAILED`: all was given back. `RETURNED`:
    the bank sent it back after it had succeeded, and all was given back by another entry. `lot` is what
    the payment's lot of card money still had of it. One made at
    Stripe by an operator (`ORIGIN_STRIPE`) begins as succeeded and is what the organisation then owes.
    """

    class State(models.TextChoices):
        """Where it stands."""

        PULLING = "pulling"
        HELD = "held"
        PENDING = "pending"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        RETURNED = "returned"

    class Origin(models.TextChoices):
        """Who asked Stripe for it."""

        CUX = "cux"
        STRIPE = "stripe"

    UNFINISHED = (State.PULLING, State.HELD, State.PENDING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="refunds")
    request_id = models.UUIDField()
    origin = models.CharField(max_length=6, choices=Origin.choices, default=Origin.CUX)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PULLING)
    amount_nano_usd = models.BigIntegerField()
    fee_nano_usd = models.BigIntegerField()
    tax_nano_usd = models.BigIntegerField()
    card_nano_usd = models.BigIntegerField()
    lot_nano_usd = models.BigIntegerField(default=0)
    attempt = models.SmallIntegerField(default=1)
    stripe_refund_id = models.CharField(max_length=TEXT, null=True)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_message = models.TextField(blank=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, null=True, related_name="+")
    return_entry = models.OneToOneField(Entry, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    next_step_at = models.DateTimeField(db_default=Now())
    steps = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stripe_refund_id"], name="refund_stripe_once"),
            models.CheckConstraint(
                condition=models.Q(
                    origin__in=["cux", "stripe"],
                    state__in=["pulling", "held", "pending", "succeeded", "failed", "returned"],
                ),
                name="refund_known_state",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    amount_nano_usd__gt=0, fee_nano_usd__gte=0, tax_nano_usd__gte=0, card_nano_usd__gt=0
                ),
                name="refund_amounts_positive",
            ),
            models.CheckConstraint(condition=whole_cents("card_nano_usd"), name="refund_whole_cents"),
            models.CheckConstraint(
                condition=models.Q(
                    card_nano_usd=models.F("amount_nano_usd")
                    - models.F("fee_nano_usd")
                    + models.F("tax_nano_usd")
                ),
                name="refund_adds_up",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["succeeded", "returned"], entry__isnull=False, stripe_refund_id__isnull=False
                )
                | (~models.Q(state__in=["succeeded", "returned"]) & models.Q(entry__isnull=True)),
                name="refund_succeeded_is_posted",
            ),
            models.CheckConstraint(
                condition=models.Q(state="returned", return_entry__isnull=False)
                | (~models.Q(state="returned") & models.Q(return_entry__isnull=True)),
                name="refund_returned_is_posted",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-created_at"], name="refund_of_organisation"),
            models.Index(
                fields=["next_step_at"],
                name="refund_unfinished",
                condition=models.Q(state__in=["pulling", "held", "pending"]),
            ),
        ]

    def __str__(self) -> str:
        return f"refund of {self.amount_nano_usd} nano-USD ({self.state})"
