"""Auctions by schedule: each instant once or not at all, however the clock strikes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections

from core.clock import utc_now
from core.errors import CuxError
from exchange.instants import last_instant
from exchange.models import Auction, AuctionSchedule, Command, Instrument
from exchange.sequencer.auctions import Periods
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetPhase
from exchange.services.auction_schedule import schedule_set, schedule_stop
from exchange.services.auctions_start import auctions_start
from tests import builders

pytestmark = pytest.mark.usefixtures("exchange")

EVERY_S = 1_000


@pytest.fixture
def instrument(exchange: Any) -> Any:
    """List an idle instrument; when the test is over nobody starts its auctions."""
    listed = builders.instrument(delivery="idle", window_s=100)
    yield listed
    schedule_stop(symbol=listed.symbol)


def schedule(instrument: Instrument, **other: Any) -> AuctionSchedule:
    facts: dict[str, Any] = {
        "every_s": EVERY_S,
        "offset_s": 0,
        "periods": Periods(600, 100, 50),
        "then_phase": "pre_open",
        "now": utc_now() - timedelta(seconds=EVERY_S),
    }
    return schedule_set(symbol=instrument.symbol, **facts | other)


def instant() -> datetime:
    return last_instant(every_s=EVERY_S, offset_s=0, now=utc_now())


def strike(now: datetime) -> None:
    """Start what is due, in a thread of its own."""
    try:
        auctions_start(now=now)
    finally:
        connections.close_all()


def auctions(instrument: Instrument) -> list[Auction]:
    return list(Auction.objects.filter(instrument=instrument).order_by("started_at"))


def test_an_instant_starts_one_auction_however_often_it_is_asked_for(instrument):
    row = schedule(instrument)
    now = instant() + timedelta(seconds=1)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: strike(now), range(8)))
    AuctionSchedule.objects.filter(id=row.id).update(last_started_for=None)
    auctions_start(now=now)
    (auction,) = auctions(instrument)
    assert (auction.kind, auction.state, auction.then_phase) == ("scheduled", "input", "pre_open")
    assert auction.no_cancel_at - auction.started_at == timedelta(seconds=600)
    assert auction.closes_at - auction.close_from_at == timedelta(seconds=50)
    assert auction.delivers_until == instant() + timedelta(seconds=EVERY_S)
    assert Command.objects.filter(key=f"auction {row.id}:{instant().isoformat()}").count() == 1
    row.refresh_from_db()
    assert row.last_started_for == instant()


def test_an_instant_is_skipped_when_it_is_missed(instrument):
    row = schedule(instrument)
    auctions_start(now=instant() + timedelta(seconds=251))  # 1,000 − 750 is less than the input's 600
    assert auctions(instrument) == []
    row.refresh_from_db()
    assert row.last_started_for == instant()
    auctions_start(now=instant() + timedelta(seconds=1))
    assert auctions(instrument) == []


def test_an_instant_is_skipped_when_the_instrument_is_stopped(instrument):
    schedule(instrument)
    assert submit_sync(SetPhase(instrument.symbol, "halted")).status == 200
    auctions_start(now=instant() + timedelta(seconds=1))
    assert submit_sync(SetPhase(instrument.symbol, "pre_open")).status == 200
    auctions_start(now=instant() + timedelta(seconds=2))
    assert auctions(instrument) == []


def test_while_the_sequencer_is_away_the_next_call_tries_again(instrument, monkeypatch, tmp_path):
    row = schedule(instrument)
    with monkeypatch.context() as patched:
        patched.setattr(settings, "SEQUENCER_SOCKET", str(tmp_path / "nobody"))
        auctions_start(now=instant() + timedelta(seconds=1))
    row.refresh_from_db()
    assert row.last_started_for == instant() - timedelta(seconds=EVERY_S)
    auctions_start(now=instant() + timedelta(seconds=2))
    assert len(auctions(instrument)) == 1


def test_a_schedule_begins_with_the_next_instant_and_replaces_the_one_before(instrument):
    first = schedule(instrument)
    second = schedule(instrument, now=utc_now())
    first.refresh_from_db()
    assert (first.is_active, second.is_active) == (False, True)
    auctions_start(now=instant() + timedelta(seconds=1))
    assert auctions(instrument) == []
    assert schedule_stop(symbol=instrument.symbol) is True
    assert schedule_stop(symbol=instrument.symbol) is False
    auctions_start(now=instant() + timedelta(seconds=EVERY_S + 1))
    assert auctions(instrument) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"every_s": 751},
        {"offset_s": EVERY_S},
        {"offset_s": -1},
        {"periods": Periods(0, 0, 0)},
        {"then_phase": "halted"},
        {"every_s": 849},  # the window of 100 s would end after the next instant
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(instrument, wrong):
    with pytest.raises(CuxError) as refused:
        schedule(instrument, **wrong)
    assert refused.value.code.wire == "invalid_field"
    assert not AuctionSchedule.objects.filter(instrument=instrument).exists()


def test_operators_have_commands_for_schedules_auctions_and_phases(instrument):
    def run(*words: str) -> str:
        out = StringIO()
        call_command(*words, stdout=out)
        return out.getvalue()

    symbol = instrument.symbol
    line = run("auction_schedule", "set", symbol, "--every", "600", "--input", "60", "--no-cancel", "20")
    assert f"{symbol}: every 600 s + 0 s, 60 s input, 20 s no cancel, 0 s random, then pre_open" in line
    assert symbol in run("auction_schedule")
    assert run("auction_schedule", "stop", symbol) == "stopped\n"
    assert run("auction_schedule", "stop", symbol) == "none was active\n"
    assert symbol not in run("auction_schedule", "list")
    with pytest.raises(CommandError, match="fit the period"):
        run("auction_schedule", "set", symbol, "--every", "60", "--input", "60")
    assert run("phase", symbol, "halted") == f"{symbol} is halted\n"
    assert "closes by" in run("auction", symbol, "reopen", "--input", "100")
    with pytest.raises(CommandError, match="is running"):
        run("phase", symbol, "continuous")
    assert run("phase", symbol, "closed") == f"{symbol} is closed\n"
    with pytest.raises(CommandError, match="no such instrument"):
        run("auction", "nothing", "open")
    assert Instrument.objects.get(id=instrument.id).phase == "closed"
    assert [row.state for row in auctions(instrument)] == ["done"]
    assert datetime.now(UTC) - auctions(instrument)[0].started_at < timedelta(minutes=1)
