"""Money that operators move by hand: one proposes it, another approves it within a day."""

from datetime import timedelta
from typing import Final

from django.db import models
from django.db.models.functions import Now

from billing.models.entry import Entry
from core.ids import new_id

OPEN_FOR: Final = timedelta(hours=24)
"""How long a proposal may be approved."""
OF_SUBJECTS: Final = ["hold_release", "payout_release", "payout_restore", "reversal_credit", "reversal_keep"]
"""The kinds that are about one hold or payout."""


class MoneyAction(models.Model):
    """What was proposed, for good, and who approved it; then, and not before, it was done.

    `GOODWILL`: the house (`source`) gives an organisation a credit, with a credit note. `DEBT_WRITE_OFF`:
    it bears so much of what an organisation owes for disputes. `INSURANCE_TOP_UP`: cash from outside goes
    into the insurance.
    `HOLD_RELEASE`, `PAYOUT_RELEASE`: what was set aside for a card payment at risk, or a blocked payout
    (`subject_id`), is let go. `REVERSAL_CREDIT`, `REVERSAL_KEEP`: what came back of a payout that the bank
    was paid becomes earnings again, or goes to the insurance. `PAYOUT_RESTORE`: a payout that Stripe made and
    that a restore lost is here again, under the id (`subject_id`) that its transfer names. Of these five the
    hold or payout says what was posted, so they have no entry of their own.
    """

    class Kind(models.TextChoices):
        """What it does."""

        GOODWILL = "goodwill"
        INSURANCE_TOP_UP = "insurance_top_up"
        DEBT_WRITE_OFF = "debt_write_off"
        HOLD_RELEASE = "hold_release"
        PAYOUT_RELEASE = "payout_release"
        PAYOUT_RESTORE = "payout_restore"
        REVERSAL_CREDIT = "reversal_credit"
        REVERSAL_KEEP = "reversal_keep"

    POSTED = (Kind.GOODWILL, Kind.INSURANCE_TOP_UP, Kind.DEBT_WRITE_OFF)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, null=True, related_name="+"
    )
    source = models.CharField(max_length=16, blank=True)
    subject_id = models.UUIDField(null=True)
    amount_nano_usd = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    proposed_by = models.CharField(max_length=80)
    proposed_at = models.DateTimeField(db_default=Now())
    approved_by = models.CharField(max_length=80, blank=True)
    approved_at = models.DateTimeField(null=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_nano_usd__gt=0), name="money_action_amount_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["goodwill", "debt_write_off"],
                    organisation__isnull=False,
                    source__in=["fee_income", "insurance"],
                    subject_id__isnull=True,
                )
                | models.Q(
                    kind="insurance_top_up", organisation__isnull=True, source="", subject_id__isnull=True
                )
                | models.Q(
                    kind__in=OF_SUBJECTS,
                    organisation__isnull=False,
                    source="",
                    subject_id__isnull=False,
                ),
                name="money_action_says_what_it_does",
            ),
            models.CheckConstraint(
                condition=~models.Q(proposed_by="")
                & models.Q(
                    models.Q(approved_by="", approved_at__isnull=True)
                    | (
                        ~models.Q(approved_by="")
                        & ~models.Q(approved_by=models.F("proposed_by"))
                        & models.Q(approved_at__isnull=False)
                    )
                ),
                name="money_action_by_two",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_at__lte=models.F("proposed_at") + OPEN_FOR),
                name="money_action_within_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(entry__isnull=True, approved_by="")
                | models.Q(entry__isnull=True, kind__in=OF_SUBJECTS)
                | models.Q(
                    models.Q(entry__isnull=False)
                    & ~models.Q(approved_by="")
                    & models.Q(kind__in=["goodwill", "insurance_top_up", "debt_write_off"])
                ),
                name="money_action_is_posted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.amount_nano_usd} nano-USD"
