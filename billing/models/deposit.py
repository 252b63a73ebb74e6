"""Deposits: money that organisations pay in by card."""

from typing import Final

from django.db import models
from django.db.models.functions import Now
from django.db.models.lookups import Exact

from billing.models.entry import Entry
from core.ids import new_id
from core.money import NANO_PER_CENT

TEXT: Final = 255


def whole_cents(field: str) -> Exact:
    """Return the condition that an amount in nano-USD is a whole number of cents."""
    return Exact(models.F(field) % NANO_PER_CENT, 0)


class Deposit(models.Model):
    """An intent to pay `amount_nano_usd` in, and what became of it; `tax_nano_usd` is paid on top.

    It is `PENDING` until Stripe has answered, `OPEN` while it is to be paid on Stripe's page or on its way,
    `REQUIRES_ACTION` while the card's owner has to confirm at `action_url`. `SUCCEEDED` is final, and has
    the ledger's entry; a payment that succeeds after `FAILED` or `EXPIRED` is credited all the same.
    Tax, and whom the invoice is `billed_to`, are those of the moment in which the amount was agreed.
    Of a deposit that succeeded, `refunded` (asked for or done) and `disputed` are gone.
    """

    class Method(models.TextChoices):
        """How it is paid."""

        CHECKOUT = "checkout"
        CARD = "card"
        AUTO_TOP_UP = "auto_top_up"

    class State(models.TextChoices):
        """Where it stands."""

        PENDING = "pending"
        OPEN = "open"
        REQUIRES_ACTION = "requires_action"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        EXPIRED = "expired"

    UNFINISHED = (State.PENDING, State.OPEN, State.REQUIRES_ACTION)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=12, choices=Method.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    amount_nano_usd = models.BigIntegerField()
    tax_nano_usd = models.BigIntegerField(default=0)
    tax_rate_ppm = models.IntegerField(default=0)
    tax_note = models.CharField(max_length=160, blank=True)
    billed_to = models.JSONField(null=True)
    stripe_fee_nano_usd = models.BigIntegerField(default=0)
    refunded_nano_usd = models.BigIntegerField(default=0)
    disputed_nano_usd = models.BigIntegerField(default=0)
    attempt = models.SmallIntegerField(default=1)
    saves_card = models.BooleanField(default=False)
    return_url = models.TextField(blank=True)
    checkout_session_id = models.CharField(max_length=TEXT, null=True)
    checkout_url = models.TextField(blank=True)
    payment_method_id = models.CharField(max_length=TEXT, blank=True)
    payment_intent_id = models.CharField(max_length=TEXT, null=True)
    charge_id = models.CharField(max_length=TEXT, null=True)
    action_url = models.TextField(blank=True)
    card_fingerprint = models.CharField(max_length=TEXT, blank=True)
    card_brand = models.CharField(max_length=40, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_country = models.CharField(max_length=2, blank=True)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_message = models.TextField(blank=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    next_step_at = models.DateTimeField(db_default=Now())
    steps = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["checkout_session_id"], name="deposit_checkout_once"),
            models.UniqueConstraint(fields=["payment_intent_id"], name="deposit_payment_once"),
            models.UniqueConstraint(fields=["charge_id"], name="deposit_charge_once"),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=models.Q(method="auto_top_up", state__in=["pending", "open", "requires_action"]),
                name="deposit_one_auto_top_up_at_once",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    method__in=["checkout", "card", "auto_top_up"],
                    state__in=["pending", "open", "requires_action", "succeeded", "failed", "expired"],
                ),
                name="deposit_known_state",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    amount_nano_usd__gt=0,
                    tax_nano_usd__gte=0,
                    stripe_fee_nano_usd__gte=0,
                    refunded_nano_usd__gte=0,
                    disputed_nano_usd__gte=0,
                ),
                name="deposit_amounts_positive",
            ),
            *(
                models.CheckConstraint(condition=whole_cents(field), name=f"deposit_{field}_in_cents")
                for field in ("amount_nano_usd", "tax_nano_usd", "stripe_fee_nano_usd", "refunded_nano_usd")
            ),
            models.CheckConstraint(
                condition=models.Q(
                    amount_nano_usd__gte=models.F("refunded_nano_usd") + models.F("disputed_nano_usd")
                ),
                name="deposit_not_returned_beyond_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(state="succeeded", entry__isnull=False, payment_intent_id__isnull=False)
                | (~models.Q(state="succeeded") & models.Q(entry__isnull=True, refunded_nano_usd=0)),
                name="deposit_succeeded_is_posted",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-created_at"], name="deposit_of_organisation"),
            models.Index(
                fields=["next_step_at"],
                name="deposit_unfinished",
                condition=models.Q(state__in=["pending", "open", "requires_action"]),
            ),
        ]

    @property
    def left_nano_usd(self) -> int:
        """Return what has been neither refunded (nor is about to be) nor disputed."""
        return self.amount_nano_usd - self.refunded_nano_usd - self.disputed_nano_usd

    def __str__(self) -> str:
        return f"deposit of {self.amount_nano_usd} nano-USD ({self.state})"
