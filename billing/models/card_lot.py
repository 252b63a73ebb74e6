"""Card money and where it went: a card payment may be taken back for weeks after it was spent."""

from django.db import models

from core.ids import new_id


class CardLot(models.Model):
    """What an organisation has of one card payment, in nano-USD, until `at_risk_until` likely to be disputed.

    `amount` came in by the deposit itself or, when compute was sold on, from its buyer's lot, or back
    from a provider that was refuted. Of it, `spent`
    went to providers, `passed_on` to another organisation, `returned` back to the card. The first to come is
    the first to be spent. Money that came by no card has no lot, and is spent last.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    payment_intent_id = models.CharField(max_length=80)
    amount_nano_usd = models.BigIntegerField()
    spent_nano_usd = models.BigIntegerField(default=0)
    passed_on_nano_usd = models.BigIntegerField(default=0)
    returned_nano_usd = models.BigIntegerField(default=0)
    card_fingerprint = models.CharField(max_length=64, blank=True)
    address_sha256 = models.CharField(max_length=64, blank=True)
    deposited_at = models.DateTimeField()
    at_risk_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment_intent_id", "organisation"], name="card_lot_once"),
            models.CheckConstraint(
                condition=models.Q(
                    amount_nano_usd__gt=0,
                    spent_nano_usd__gte=0,
                    passed_on_nano_usd__gte=0,
                    returned_nano_usd__gte=0,
                ),
                name="card_lot_amounts",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    amount_nano_usd__gte=models.F("spent_nano_usd")
                    + models.F("passed_on_nano_usd")
                    + models.F("returned_nano_usd")
                ),
                name="card_lot_not_overspent",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "deposited_at"],
                name="card_lot_unspent",
                condition=models.Q(
                    amount_nano_usd__gt=models.F("spent_nano_usd")
                    + models.F("passed_on_nano_usd")
                    + models.F("returned_nano_usd")
                ),
            ),
            models.Index(fields=["card_fingerprint", "deposited_at"], name="card_lot_fingerprint"),
        ]

    @property
    def remaining_nano_usd(self) -> int:
        """Return what is neither spent, passed on nor returned."""
        gone = self.spent_nano_usd + self.passed_on_nano_usd + self.returned_nano_usd
        return self.amount_nano_usd - gone

    def __str__(self) -> str:
        return f"{self.remaining_nano_usd} of {self.payment_intent_id}"


class CardSpend(models.Model):
    """What a provider got of one lot, in all: `earned` at once, `held_back` by trust tier.

    Of what was held back, `matured` has become earnings, and `taken` has been taken for a dispute.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The unique (lot, provider) below is the index on lot.
    lot = models.ForeignKey(CardLot, on_delete=models.PROTECT, related_name="spends", db_index=False)
    provider = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    earned_nano_usd = models.BigIntegerField(default=0)
    held_back_nano_usd = models.BigIntegerField(default=0)
    matured_nano_usd = models.BigIntegerField(default=0)
    taken_nano_usd = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lot", "provider"], name="card_spend_once"),
            models.CheckConstraint(
                condition=models.Q(
                    earned_nano_usd__gte=0,
                    held_back_nano_usd__gte=0,
                    matured_nano_usd__gte=0,
                    taken_nano_usd__gte=0,
                ),
                name="card_spend_amounts",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    held_back_nano_usd__gte=models.F("matured_nano_usd") + models.F("taken_nano_usd")
                ),
                name="card_spend_not_matured_beyond_held_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.earned_nano_usd + self.held_back_nano_usd} to {self.provider_id}"


class CardPassing(models.Model):
    """The price of compute sold on, whose lots have not followed it to the seller yet.

    The sequencer writes it in the trade's own transaction, so the seller's money never stands without it;
    `origins_settle` moves the lots and deletes it. Ids are in the order of the trades.
    """

    id = models.BigAutoField(primary_key=True)
    payer = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    receiver = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    amount_nano_usd = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_nano_usd__gt=0) & ~models.Q(payer=models.F("receiver")),
                name="card_passing_between_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_nano_usd} from {self.payer_id} to {self.receiver_id}"
