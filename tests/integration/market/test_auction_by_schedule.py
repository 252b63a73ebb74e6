"""An auction by schedule: real sequencer, web, beat and worker; seen over REST and on the stream."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Organisation
from accounts.services import api_key_create
from config.demo.steps import Market as Demo
from config.demo.steps import auction_idle
from config.processes import Place
from core.clock import utc_now
from exchange.models import Entitlement, Instrument
from exchange.sequencer.auctions import Periods
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Fund, SetCapacity
from exchange.services.auction_schedule import schedule_set, schedule_stop
from tests import builders
from tests.environment import VAR
from tests.integration.api.conftest import web_process
from tests.integration.api.sse import events
from tests.integration.inference.test_workers import celery
from tests.sequencer_market import put_in_transit, wallet
from tests.sequencer_process import inspect, sequencer

FUNDS = 1_000_000_000
WITHIN_S = 60
SCHEDULE = {"every_s": 9, "offset_s": 0, "periods": Periods(3, 1, 1)}


@pytest.fixture(scope="module")
def url(servers: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: Any) -> Iterator[str]:
    """Run the exchange's processes but the relay, and return the address of the web."""
    beat = ("beat", "--schedule", str(tmp_path_factory.mktemp("beat") / "schedule"))
    worker = ("worker", "--concurrency", "1", "--without-gossip", "--without-mingle")
    with sequencer() as process, web_process() as address, pytest.MonkeyPatch.context() as environment:
        environment.setenv("CUX_SEQUENCER_SOCKET", str(process.socket))
        with celery(*worker), celery(*beat):
            yield address


@pytest.fixture
def instrument(db: None) -> Iterator[Instrument]:
    """List an idle instrument that waits for its auctions."""
    listed = builders.instrument(delivery="idle", window_s=4)
    Instrument.objects.filter(id=listed.id).update(phase="pre_open")
    yield listed
    schedule_stop(symbol=listed.symbol)


def party(name: str) -> tuple[Organisation, str]:
    organisation = builders.organisation(name)
    key = api_key_create(organisation_id=organisation.id, name="auction", scopes=("read", "trade"))
    return organisation, key.secret


@pytest.fixture
def parties(url: str, instrument: Instrument) -> dict[str, tuple[Organisation, str]]:
    """Return three buyers with money and two providers with capacity."""
    made = {name: party(name) for name in ("ada", "grace", "hopper", "northwind", "southgrid")}
    for name, (organisation, _) in made.items():
        if name in ("northwind", "southgrid"):
            capacity = SetCapacity(organisation.id, instrument.compute_class_id, 10_000, 1_000_000)
            assert submit_sync(capacity).status == 200
        else:
            put_in_transit(organisation, FUNDS)
            assert submit_sync(Fund(organisation.id, FUNDS, "funds")).status == 200
    return made


class Watcher(threading.Thread):
    """Somebody who watches the market's stream until an auction is done."""

    def __init__(self, url: str, symbol: str) -> None:
        super().__init__(daemon=True)
        self.url, self.symbol = url, symbol
        self.seen: list[dict[str, Any]] = []
        self.started = threading.Event()

    def run(self) -> None:
        with (
            httpx.Client(base_url=self.url, timeout=WITHIN_S) as client,
            events(client, f"/v1/stream/market/{self.symbol}") as stream,
        ):
            for sent in stream:
                self.started.set()
                self.seen.append(sent.data)
                if (sent.data.get("auction") or {}).get("state") == "done":
                    return


def test_idle_capacity_is_sold_at_one_price_by_schedule(url, instrument, parties, tmp_path):
    symbol = instrument.symbol
    watcher = Watcher(url, symbol)
    watcher.start()
    assert watcher.started.wait(WITHIN_S)
    demo = demo_of(url, symbol, parties)
    auction_idle(demo)
    schedule_set(symbol=symbol, then_phase="pre_open", now=utc_now(), **SCHEDULE)

    def done() -> list[dict[str, Any]]:
        rows = demo.call("ada", "GET", "/v1/auctions", params={"instrument": symbol})["data"]
        return [row for row in rows if row["state"] == "done"]

    watcher.join(WITHIN_S)
    schedule_stop(symbol=symbol)
    (auction,) = done()
    assert (auction["kind"], auction["price_ticks"], auction["volume_lots"]) == ("scheduled", 1_000, 150)
    assert auction["surplus_lots"] == -30
    tape = demo.call("ada", "GET", f"/v1/instruments/{symbol}/trades")["data"]
    assert {(row["price_ticks"], row["auction_id"]) for row in tape} == {(1_000, auction["auction_id"])}
    assert sum(row["quantity_lots"] for row in tape) == 150
    check_stream(watcher.seen, auction)
    check_parties(demo, parties, instrument)
    demo.close()
    hashes = inspect()
    assert hashes["state_hash"] == hashes["committed_state_hash"]


def demo_of(url: str, symbol: str, parties: dict[str, tuple[Organisation, str]]) -> Demo:
    """Return the demo's view of this market."""
    keys = {name: {"api_key": key} for name, (_, key) in parties.items()}
    facts = {"buyers": keys, "providers": keys, "idle_instrument": symbol}
    return Demo(Place(Path(VAR), int(url.rpartition(":")[2]), 1), facts, lambda _: None)


def check_stream(seen: list[dict[str, Any]], auction: dict[str, Any]) -> None:
    """The stream told the auction's steps in order, what would trade, and then what did."""
    told = [event["auction"] for event in seen if event.get("auction")]
    assert {news["auction_id"] for news in told} == {auction["auction_id"]}
    steps = list(dict.fromkeys(news["state"] for news in told))
    assert steps == ["input", "no_cancel", "random_close", "done"]
    for news in told:
        assert (news["price_ticks"], news["volume_lots"], news["surplus_lots"]) == (1_000, 150, -30)
    traded = [trade for event in seen for trade in event.get("trades", [])]
    assert sum(trade["quantity_lots"] for trade in traded) == 150
    phases = [event["phase"] for event in seen if event.get("phase")]
    assert phases == ["pre_open", "auction", "no_cancel", "pre_open"]


def check_parties(demo: Demo, parties: dict[str, tuple[Organisation, str]], instrument: Instrument) -> None:
    """Both providers sold, two of three bidders bought, the third has its money back."""
    (hopper,) = demo.call("hopper", "GET", "/v1/orders")["data"]
    assert (hopper["status"], hopper["reason"], hopper["cumulative_lots"]) == ("canceled", "auction", 0)
    assert wallet(parties["hopper"][0]) == (FUNDS, 0)
    assert wallet(parties["ada"][0]) == (FUNDS - 90 * 1_000 * 1_000, 0)
    assert wallet(parties["grace"][0]) == (FUNDS - 60 * 1_000 * 1_000, 0)
    rows = Entitlement.objects.filter(instrument=instrument)
    sellers = {row.provider_id for row in rows}
    assert sellers == {parties["northwind"][0].id, parties["southgrid"][0].id}
    (until,) = {row.ends_at for row in rows}
    assert until.timestamp() % SCHEDULE["every_s"] == 0
    assert timedelta() < until - min(row.starts_at for row in rows) < timedelta(seconds=SCHEDULE["every_s"])
