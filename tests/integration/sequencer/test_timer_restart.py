"""Deadlines outlive the sequencer: they are in the rows."""

import signal
import tempfile
from pathlib import Path

import pytest

from exchange.models import Order
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetDeadMan
from tests.sequencer_market import make_market
from tests.sequencer_process import started, talking_to
from tests.waiting import eventually


@pytest.mark.usefixtures("servers", "db")
def test_a_switch_that_ran_out_while_the_sequencer_was_dead_fires_at_its_start():
    with tempfile.TemporaryDirectory(prefix="cux") as directory:
        path = Path(directory)
        with started(path) as first, talking_to(first):
            market = make_market()
            market.buy(1_000, 5)
            submit_sync(SetDeadMan(market.buyer.id, 1))
            first.send(signal.SIGKILL)
            first.exit_code()
        assert Order.objects.get(organisation=market.buyer).status == "open"
        (path / "log").unlink()
        with started(path) as second, talking_to(second):
            eventually(lambda: Order.objects.get(organisation=market.buyer).status == "canceled")
