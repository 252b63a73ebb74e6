"""The tax rate table."""

from django.db import models


class TaxRate(models.Model):
    """A country's rate from `valid_from` until before `valid_until` (None: until further notice).

    No two of a country are valid on the same day: the exclusion constraint `tax_rate_one_at_a_time`.
    """

    country = models.CharField(max_length=2)
    name = models.CharField(max_length=40)
    rate_ppm = models.IntegerField()
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rate_ppm__gt=0, rate_ppm__lt=1_000_000), name="tax_rate_of_a_share"
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gt=models.F("valid_from")),
                name="tax_rate_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=models.Q(country__regex=r"^[A-Z]{2}$"), name="tax_rate_country"),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.name} {self.rate_ppm} ppm"
