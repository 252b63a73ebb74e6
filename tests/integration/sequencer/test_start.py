"""What a sequencer finds at its start: deadlines that have passed, and kinds of orders switched off."""

import signal
import tempfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from exchange.models import Order
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetDeadMan
from tests.sequencer_market import make_market
from tests.sequencer_process import started, talking_to
from tests.waiting import eventually


@pytest.mark.usefixtures("servers", "db")
def test_a_switch_that_ran_out_while_the_sequencer_was_dead_fires_at_its_start(monkeypatch):
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
        monkeypatch.setenv("CUX_DISABLED_ORDER_KINDS", "iceberg,eligibility")
        with started(path) as second, talking_to(second):
            eventually(lambda: Order.objects.get(organisation=market.buyer).status == "canceled")
            refused = market.buy(1_000, 5, display_lots=1)
            assert refused.body["error"]["code"] == "order_kind_disabled"
            assert market.buy(1_000, 5).status == 201


def test_a_sequencer_that_is_to_switch_off_what_there_is_not_does_not_start(settings):
    settings.DISABLED_ORDER_KINDS = frozenset({"iceberg", "limit"})
    with pytest.raises(CommandError, match="limit"):
        call_command("sequencer")
