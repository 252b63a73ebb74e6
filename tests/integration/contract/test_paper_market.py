"""A market of paper money: who gets it, and the bots that quote."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organisation
from billing.selectors.balances import organisation_balance
from core.clock import utc_now
from core.errors import Code, CuxError
from core.outbox import outbox_drain
from exchange.models import Order
from exchange.services.bots_open import FUNDS_NANO_USD, bots_open
from exchange.services.bots_quote import bots_quote
from exchange.services.paper_fund import MOST_NANO_USD, paper_fund
from exchange.services.paper_list import paper_list
from exchange.tasks import OUTBOX_HANDLERS
from tests import builders
from tests.environment import ROOT
from tests.sequencer_market import wallet
from tests.waiting import eventually

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_paper_money_reaches_the_wallet_once(exchange, settings):
    settings.MARKET_MODE = "test"
    who = builders.organisation()
    for _ in range(2):
        paper_fund(organisation_id=who.id, amount_nano_usd=5_000, key="first", now=utc_now())
    outbox_drain(OUTBOX_HANDLERS, utc_now())
    assert wallet(who) == (5_000, 0)


def test_there_is_no_paper_money_on_the_live_market(db):
    who = builders.organisation()
    with pytest.raises(CuxError) as refused:
        paper_fund(organisation_id=who.id, amount_nano_usd=5_000, key="first", now=utc_now())
    assert refused.value.code is Code.TEST_MARKET_ONLY
    assert organisation_balance(who.id).funding == 0


def test_paper_money_has_an_end(exchange, settings):
    settings.MARKET_MODE = "test"
    who = builders.organisation()
    paper_fund(organisation_id=who.id, amount_nano_usd=MOST_NANO_USD, key="all", now=utc_now())
    with pytest.raises(CuxError) as refused:
        paper_fund(organisation_id=who.id, amount_nano_usd=1, key="more", now=utc_now())
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, "amount_nano_usd")
    outbox_drain(OUTBOX_HANDLERS, utc_now())
    assert wallet(who) == (MOST_NANO_USD, 0)


def test_the_bots_quote_both_sides_and_a_restart_replaces_the_quotes(exchange, settings):
    settings.MARKET_MODE = "test"
    paper = paper_list()
    bots = bots_open(now=NOON)
    outbox_drain(OUTBOX_HANDLERS, utc_now())
    for _ in range(2):
        assert bots_quote(organisation_id=bots, instrument=paper, seed="s", now=NOON) == 10
        assert bots_open(now=NOON) == bots
    standing = Order.objects.filter(organisation_id=bots, status="open").order_by("price_ticks")
    assert [(o.side, o.quantity_lots) for o in standing] == [
        *(("buy", lots) for lots in (100, 80, 60, 40, 20)),
        *(("sell", lots) for lots in (20, 40, 60, 80, 100)),
    ]
    assert wallet(Organisation.objects.get(id=bots))[0] == FUNDS_NANO_USD


@contextmanager
def bots_process(socket: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `manage.py bots`, and end it as the supervisor would."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "bots", "--seed", "s"],
        cwd=ROOT,
        env=os.environ | {"MARKET_MODE": "test", "CUX_SEQUENCER_SOCKET": socket},
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_the_process_quotes_again_after_a_restart_and_ends_when_told(exchange, settings):
    settings.MARKET_MODE = "test"
    bots = bots_open(now=utc_now())
    outbox_drain(OUTBOX_HANDLERS, utc_now())

    def standing() -> set[object]:
        return set(Order.objects.filter(organisation_id=bots, status="open").values_list("id", flat=True))

    seen = standing()
    for _ in range(2):
        with bots_process(str(settings.SEQUENCER_SOCKET)) as process:
            eventually(lambda known=frozenset(seen): len(standing() - known) == 10, within_s=30)
        assert process.returncode == 0
        seen = standing()
        assert len(seen) == 10


def test_there_are_no_bots_on_the_live_market(db):
    with pytest.raises(CommandError, match="test market only"):
        call_command("bots")
