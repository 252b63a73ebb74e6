"""Invoices and credit notes: numbered without gaps, made once, never changed."""

from django.db import models

from billing.models.entry import Entry
from core.ids import new_id


class DocumentCounter(models.Model):
    """The last number given out in a series, such as `INV-2026`: its row is the lock of the series."""

    series = models.CharField(max_length=12, primary_key=True)
    last = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.series}: {self.last}"


class Document(models.Model):
    """A tax document about one ledger entry: what came in (invoice), or what went back (credit note).

    Buyer and seller are kept as they were when it was issued. Amounts are nano-USD; net + tax = total, and
    the lines add up to the net (a deferred trigger). A refund's credit note `corrects` the deposit's invoice.
    """

    class Kind(models.TextChoices):
        """Which way the money went."""

        INVOICE = "invoice"
        CREDIT_NOTE = "credit_note"

    class Reason(models.TextChoices):
        """What it is about."""

        DEPOSIT = "deposit"
        REFUND = "refund"
        REFUND_RETURNED = "refund_returned"
        UNDELIVERED = "undelivered"
        OUTAGE = "outage"
        GOODWILL = "goodwill"
        VERIFICATION = "verification"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    reason = models.CharField(max_length=16, choices=Reason.choices)
    series = models.CharField(max_length=12)
    sequence = models.BigIntegerField()
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, to_field="key", db_column="entry_key", related_name="document"
    )
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="corrections")
    issued_at = models.DateTimeField()
    net_nano_usd = models.BigIntegerField()
    tax_nano_usd = models.BigIntegerField()
    total_nano_usd = models.BigIntegerField()
    tax_rate_ppm = models.IntegerField()
    tax_note = models.CharField(max_length=160)
    payment = models.CharField(max_length=80, blank=True)
    buyer = models.JSONField()
    seller = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="document_number_once"),
            models.CheckConstraint(
                condition=models.Q(
                    total_nano_usd=models.F("net_nano_usd") + models.F("tax_nano_usd"),
                    net_nano_usd__gt=0,
                    tax_nano_usd__gte=0,
                    sequence__gt=0,
                ),
                name="document_adds_up",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "-id"], name="document_organisation")]

    @property
    def number(self) -> str:
        """Return the number that stands on it, such as `INV-2026-000042`."""
        return f"{self.series}-{self.sequence:06d}"

    @property
    def fee_kept_nano_usd(self) -> int:
        """Return what the card company kept of a refund: the lines below zero."""
        return -sum(min(0, line.amount_nano_usd) for line in self.lines.all())

    @property
    def taxed_nano_usd(self) -> int:
        """Return what the tax is on: the net before the card fee that was kept."""
        return self.net_nano_usd + self.fee_kept_nano_usd

    def __str__(self) -> str:
        return self.number


class DocumentLine(models.Model):
    """A line of a document; what was kept of a refund is negative."""

    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="lines", db_index=False)
    position = models.SmallIntegerField()
    description = models.CharField(max_length=200)
    detail = models.CharField(max_length=300, blank=True)
    card_hash = models.CharField(max_length=64, blank=True)
    amount_nano_usd = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "position"], name="document_line_once"),
            models.CheckConstraint(
                condition=~models.Q(amount_nano_usd=0), name="document_line_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description}: {self.amount_nano_usd}"
