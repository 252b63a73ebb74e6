"""`manage.py phase`: an operator's hand on an instrument."""

from argparse import ArgumentParser
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError

from core.errors import CuxError
from core.ids import new_id
from exchange.engine.orders import Phase
from exchange.services.operators import phase_set


class Command(BaseCommand):
    """Sets the trading phase (see docs/trading-rules.md)."""

    help = "Set the trading phase of an instrument."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the instrument and the phase."""
        parser.add_argument("symbol")
        parser.add_argument("phase", choices=get_args(Phase))

    def handle(self, *_: Any, symbol: str, phase: Any, **options: Any) -> None:
        """Set it, or say why not."""
        try:
            verdict = phase_set(instrument=symbol, phase=phase, key=f"manage {new_id()}")
        except CuxError as error:
            raise CommandError(error.message) from error
        if verdict.status != 200:
            raise CommandError(verdict.body["error"]["message"])
        self.stdout.write(f"{symbol} is {phase}")
