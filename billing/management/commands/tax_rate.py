"""`manage.py tax_rate DE MwSt. 190000 2027-01-01`: give a country another tax rate from a day on."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.services.tax_rate_set import tax_rate_set
from core.errors import CuxError


class Command(BaseCommand):
    """Ends the country's rate on the day, and begins the new one."""

    help = "Give a country another tax rate from a day on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add country, name, rate and day."""
        parser.add_argument("country", help="ISO 3166-1 alpha-2, such as DE")
        parser.add_argument("name", help="as documents state it, such as MwSt.")
        parser.add_argument("rate_ppm", type=int, help="parts per million: 190000 is 19 %%")
        parser.add_argument("valid_from", type=date.fromisoformat, help="its first day, such as 2027-01-01")

    def handle(self, *args: Any, **options: Any) -> None:
        """Set it and say so."""
        terms = {name: options[name] for name in ("country", "name", "rate_ppm", "valid_from")}
        try:
            self.stdout.write(f"{tax_rate_set(**terms)} from {options['valid_from']}")
        except CuxError as refused:
            raise CommandError(refused.message) from refused
