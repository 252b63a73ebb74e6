"""`manage.py sequencer`: the single writer of the exchange."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exchange.sequencer.kinds import KINDS
from exchange.sequencer.process import serve

SHARD = "main"
"""It takes all instruments, so a second one beside it would own them too."""


class Command(BaseCommand):
    """Runs until SIGTERM (exit 0); exits 3 when fenced off, 4 when the database session is lost.

    Exits 5 before it opens if the orders' rows and the journal give different books (its log names them).
    """

    help = "Run the sequencer: decides all orders, one batch and one commit at a time."
    requires_system_checks = ()  # they import every page and view: half a second in which nobody can trade

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the socket and the bound of the queue."""
        parser.add_argument("--socket", type=Path, default=Path(settings.SEQUENCER_SOCKET))
        parser.add_argument("--queue-limit", type=int, default=10_000, help="commands waiting before 503")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve, then leave with the exit code that says why."""
        if unknown := settings.DISABLED_ORDER_KINDS - KINDS:
            raise CommandError(f"CUX_DISABLED_ORDER_KINDS: {', '.join(sorted(unknown))}; there are {KINDS}")
        sys.exit(
            serve(
                shard=SHARD,
                socket_path=options["socket"],
                queue_limit=options["queue_limit"],
                disabled_kinds=settings.DISABLED_ORDER_KINDS,
            )
        )
