"""`manage.py bots`: the house's bots of a test market."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.clock import utc_now
from core.errors import CuxError
from exchange.bots.walk import STEP_S
from exchange.services.bots_open import bots_open
from exchange.services.bots_quote import bots_quote
from exchange.services.paper_list import paper_list

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Runs until SIGTERM; a restart goes on with the price where it would be anyway."""

    help = "Quote both sides of the paper instrument, until stopped. Refused on the live market."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the seed of the price's random walk."""
        parser.add_argument("--seed", default="cux")

    def handle(self, *, seed: str, **_: Any) -> None:
        """Quote every few seconds; while the sequencer restarts, wait for it."""
        if settings.MARKET_MODE != "test":
            raise CommandError("Bots quote on a test market only: MARKET_MODE=test")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        pause_s, bots = 0, None
        while not stop.wait(pause_s):
            now, pause_s = utc_now(), STEP_S
            try:
                bots = bots or bots_open(now=now)
                placed = bots_quote(organisation_id=bots, instrument=paper_list(), seed=seed, now=now)
                log.info("bots_quoting", orders=placed)
            except CuxError as error:
                if error.retry_after_s is None:
                    raise
                pause_s = error.retry_after_s
                log.warning("bots_waiting", reason=error.code.wire)
