"""Payouts: earnings on their way to a provider's bank."""

from django.db import models
from django.db.models.functions import Now
from django.db.models.lookups import Exact

from billing.models.payee import Payee
from core.ids import new_id
from core.money import NANO_PER_CENT


class Payout(models.Model):
    """An intent to pay whole cents out, and what became of it. `day` is of a scheduled one, else null.

    `BLOCKED`: nothing moved, since something is wrong (`block_reason`), and two operators may release it.
    `DECIDED`: the money has left earnings. `TRANSFERRED`: it is in the connected account at Stripe.
    `PAID_OUT`: on its way to the bank. `PAID`: it arrived, as far as the bank has said. `FAILED`: it did not,
    and is to be taken back; `RETURNED`: it is among the earnings again. `REVERSED`: Stripe gave us the
    transfer back although the bank was paid: so the provider has it, and it is nobody's to be paid out until
    two operators decide; `KEPT`: they left it with the house, which returns it where the bank sends it back.
    Where `next_step_at` is null nothing is left to do.
    """

    class State(models.TextChoices):
        """Where it stands."""

        BLOCKED = "blocked"
        DECIDED = "decided"
        TRANSFERRED = "transferred"
        PAID_OUT = "paid_out"
        PAID = "paid"
        FAILED = "failed"
        RETURNED = "returned"
        REVERSED = "reversed"
        KEPT = "kept"

    OF_STRIPE = (State.TRANSFERRED, State.PAID_OUT, State.PAID)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The index `payout_of_payee` below is the index on payee.
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="payouts", db_index=False)
    day = models.DateField(null=True)
    state = models.CharField(max_length=12, choices=State.choices)
    amount_nano_usd = models.BigIntegerField()
    block_reason = models.CharField(max_length=40, blank=True)
    release_requested_by = models.CharField(max_length=80, blank=True)
    release_reason = models.CharField(max_length=200, blank=True)
    release_approved_by = models.CharField(max_length=80, blank=True)
    transfer_id = models.CharField(max_length=255, null=True)
    stripe_payout_id = models.CharField(max_length=255, null=True)
    reversal_id = models.CharField(max_length=255, null=True)
    attempt = models.SmallIntegerField(default=1)
    steps = models.IntegerField(default=0)
    waiting_for = models.CharField(max_length=80, blank=True)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_message = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    arrives_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    reversed_at = models.DateTimeField(null=True)
    next_step_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payee", "day"], name="payout_once_a_day"),
            models.UniqueConstraint(
                fields=["payee"], condition=models.Q(state="blocked"), name="payout_one_blocked_at_once"
            ),
            models.UniqueConstraint(fields=["transfer_id"], name="payout_transfer_once"),
            models.UniqueConstraint(fields=["stripe_payout_id"], name="payout_of_stripe_once"),
            models.UniqueConstraint(fields=["reversal_id"], name="payout_reversal_once"),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "blocked",
                        "decided",
                        "transferred",
                        "paid_out",
                        "paid",
                        "failed",
                        "returned",
                        "reversed",
                        "kept",
                    ]
                ),
                name="payout_known_state",
            ),
            models.CheckConstraint(condition=models.Q(amount_nano_usd__gt=0), name="payout_amount_positive"),
            models.CheckConstraint(
                condition=Exact(models.F("amount_nano_usd") % NANO_PER_CENT, 0), name="payout_whole_cents"
            ),
            models.CheckConstraint(
                condition=models.Q(state="blocked", decided_at__isnull=True)
                | (~models.Q(state="blocked") & models.Q(decided_at__isnull=False)),
                name="payout_decided_unless_blocked",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["transferred", "paid_out", "paid"])
                | models.Q(transfer_id__isnull=False),
                name="payout_sent_has_its_transfer",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["paid_out", "paid"])
                | models.Q(stripe_payout_id__isnull=False),
                name="payout_paid_out_has_its_payout",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["reversed", "kept"])
                | models.Q(
                    reversed_at__isnull=False, reversal_id__isnull=False, stripe_payout_id__isnull=False
                ),
                name="payout_reversed_says_when",
            ),
            models.CheckConstraint(
                condition=models.Q(block_reason="")
                | models.Q(state="blocked")
                | (
                    ~models.Q(release_requested_by="")
                    & ~models.Q(release_approved_by="")
                    & ~models.Q(release_requested_by=models.F("release_approved_by"))
                ),
                name="payout_released_by_two",
            ),
        ]
        indexes = [
            models.Index(fields=["payee", "-created_at"], name="payout_of_payee"),
            models.Index(
                fields=["next_step_at"],
                name="payout_unfinished",
                condition=models.Q(next_step_at__isnull=False),
            ),
            models.Index(
                fields=["reversed_at"], name="payout_reversed", condition=models.Q(state="reversed")
            ),
        ]

    def __str__(self) -> str:
        return f"payout of {self.amount_nano_usd} nano-USD ({self.state})"
