"""`manage.py auction`: open, reopen or close an instrument by an auction, or hold one now."""

from argparse import ArgumentParser
from typing import Any, Final, get_args

from django.core.management.base import BaseCommand, CommandError

from core.errors import CuxError
from core.ids import new_id
from exchange.engine.orders import Phase
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import StartAuction

THEN: Final[dict[str, Phase]] = {
    "open": "continuous",
    "reopen": "continuous",
    "close": "closed",
    "scheduled": "continuous",
}


class Command(BaseCommand):
    """Starts an auction; the sequencer takes it through its steps."""

    help = "Start an auction of an instrument: open, reopen, close, or one more as by schedule."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the instrument, the kind of auction and its steps."""
        parser.add_argument("symbol")
        parser.add_argument("kind", choices=sorted(THEN))
        parser.add_argument("--input", type=int, default=60, metavar="SECONDS")
        parser.add_argument("--no-cancel", type=int, default=20, metavar="SECONDS")
        parser.add_argument("--random-close", type=int, default=10, metavar="SECONDS", help="at most")
        parser.add_argument("--then", choices=get_args(Phase), help="another phase after it than usual")

    def handle(self, *_: Any, symbol: str, kind: Any, then: Any, **options: Any) -> None:
        """Start it, or say why not."""
        command = StartAuction(
            instrument=symbol,
            auction_id=new_id(),
            kind=kind,
            input_s=options["input"],
            no_cancel_s=options["no_cancel"],
            random_close_s=options["random_close"],
            then_phase=then or THEN[kind],
        )
        try:
            verdict = submit_sync(command)
        except CuxError as error:
            raise CommandError(error.message) from error
        if verdict.status != 200:
            raise CommandError(verdict.body["error"]["message"])
        self.stdout.write(f"{verdict.body['auction_id']} closes by {verdict.body['closes_by']}")
