"""Streams over HTTP: rebuilt books, dense numbers, resuming, and who may listen."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import httpx
import msgspec
import pytest
from django.test import Client

from accounts.models import Organisation
from accounts.services import api_key_revoke, member_create
from api import disconnects
from core.clock import utc_now
from core.errors import Code
from cux.wire.live_book import LiveBook
from cux.wire.streams import AccountDelta, MarketDelta, MarketSnapshot
from exchange.models import DeadMan, MarketEvent, Order
from exchange.selectors.book import book_snapshot
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetPhase
from tests import builders
from tests.environment import ROOT
from tests.integration.api.conftest import bearer, web_process
from tests.integration.api.sse import events
from tests.integration.api.test_errors import assert_error
from tests.sequencer_market import Market, make_market, wallet
from tests.waiting import eventually


@pytest.fixture
def market(exchange: httpx.Client) -> Market:
    """Return a market of the test's own: a buyer with $10, a seller with capacity."""
    return make_market()


def path_of(market: Market) -> str:
    """Return the address of the market's stream."""
    return f"/v1/stream/market/{market.instrument.symbol}"


def levels_of(book: Any) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return both sides of a committed book."""
    return tuple([(row.price_ticks, row.quantity_lots) for row in side] for side in (book.bids, book.asks))


def trade_a_little(market: Market, orders: int) -> None:
    """Rest, trade and cancel, an event each."""
    for number in range(orders):
        verdict = (
            market.sell(2_000 + number % 7, 3)
            if number % 2
            else market.buy(1_995 + number % 7, 2, stp="none")
        )
        assert verdict.status == 201
        if number % 5 == 4 and verdict.body["leaves_lots"]:
            market.cancel(market.seller if number % 2 else market.buyer, verdict)


def test_a_reader_rebuilds_the_book_from_snapshot_and_deltas(exchange, market):
    trade_a_little(market, 6)
    with events(exchange, path_of(market)) as stream:
        sent = next(stream)
        assert (sent.name, "reason" in sent.data) == ("snapshot", False)
        snapshot = msgspec.convert(sent.data, MarketSnapshot)
        assert sent.id == str(snapshot.seq)
        book = LiveBook(snapshot.bids, snapshot.asks)
        assert book.checksum() == snapshot.crc
        trade_a_little(market, 36)
        submit_sync(SetPhase(market.instrument.symbol, "cancel_only"))
        last = MarketEvent.objects.filter(instrument=market.instrument).latest("sequence").sequence
        checked, trades = [], [trade.seq for trade in reversed(snapshot.trades)]
        for number in range(snapshot.seq + 1, last + 1):
            sent = next(stream)
            delta = msgspec.convert(sent.data, MarketDelta)
            assert (sent.name, sent.id, delta.seq) == ("delta", str(number), number)
            book.change(delta.levels)
            trades += [trade.seq for trade in delta.trades]
            if delta.crc is not None:
                assert delta.crc == book.checksum()
                checked.append(number)
    assert checked == [*range(-(-(snapshot.seq + 1) // 16) * 16, last, 16), last]
    assert delta.phase == "cancel_only"
    assert trades == list(range(1, len(trades) + 1))
    assert len(trades) > 5
    committed = book_snapshot(symbol=market.instrument.symbol, depth=200)
    assert (committed.sequence, committed.phase) == (last, "cancel_only")
    assert levels_of(committed) == (book.bids(200), book.asks(200))


def test_a_reader_goes_on_after_its_last_event_in_another_process(exchange, market):
    trade_a_little(market, 8)
    with events(exchange, path_of(market)) as stream:
        seen = int(next(stream).id)
    trade_a_little(market, 4)
    with web_process() as url, httpx.Client(base_url=url, timeout=10) as other:
        with events(other, path_of(market), {"Last-Event-ID": str(seen)}) as stream:
            assert [next(stream).id for _ in range(4)] == [str(seen + n) for n in range(1, 5)]
        with events(other, path_of(market), {"Last-Event-ID": "0"}) as stream:
            assert [next(stream).id for _ in range(3)] == ["1", "2", "3"]


def test_the_client_in_ten_lines_of_the_docs_keeps_the_book(exchange, market):
    page = (ROOT / "docs" / "market-data.md").read_text()
    code = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "urlopen" in block)
    trade_a_little(market, 3)
    with exchange.stream("GET", path_of(market)) as answer:
        raw = answer.iter_raw()
        said = next(raw)
        trade_a_little(market, 30)
        last = MarketEvent.objects.filter(instrument=market.instrument).latest("sequence").sequence
        while b"id: %d\n" % last not in said:
            said += next(raw)
    known: dict[str, Any] = {}
    with mock.patch("urllib.request.urlopen", return_value=said.splitlines(keepends=True)):
        exec(compile(code, "market-data.md", "exec"), known)  # noqa: S102 - our own example
    committed = book_snapshot(symbol=market.instrument.symbol, depth=200)
    bids, asks = levels_of(committed)
    assert known["book"] == {"bid": dict(bids), "ask": dict(asks)}
    assert known["event"]["seq"] == last > 16


@pytest.mark.parametrize("last", ["99999", "nonsense", "-3"])
def test_a_reader_with_an_event_that_never_was_starts_again_and_is_told(exchange, market, last):
    trade_a_little(market, 2)
    with events(exchange, path_of(market), {"Last-Event-ID": last}) as stream:
        sent = next(stream)
    assert (sent.name, sent.data["reason"], sent.data["seq"]) == ("snapshot", "resync", 2)


def test_an_event_that_is_not_kept_any_more_means_to_start_again(exchange, market):
    trade_a_little(market, 4)
    MarketEvent.objects.filter(instrument=market.instrument, sequence__lte=2).delete()
    for last, first in (("1", "snapshot"), ("2", "delta")):
        with events(exchange, path_of(market), {"Last-Event-ID": last}) as stream:
            assert next(stream).name == first


def test_a_stream_of_an_unknown_instrument_is_404(exchange):
    assert_error(exchange.get("/v1/stream/market/no-such"), Code.UNKNOWN_INSTRUMENT, "instrument")


# -- accounts


def test_the_account_stream_tells_orders_fills_and_money_in_order(exchange, market, key_of):
    key = bearer(key_of(market.buyer).secret)
    resting = market.sell(2_000, 3)
    with events(exchange, "/v1/stream/account", key) as stream:
        name, first_id, snapshot = next(stream)
        assert name == "snapshot"
        assert (snapshot["balances"]["available_nano_usd"], snapshot["open_orders"]) == (10_000_000_000, [])
        assert (snapshot["has_more"], str(snapshot["seq"])) == (False, first_id)
        bought = market.buy(2_000, 5)
        fill, order, wallet = (next(stream) for _ in range(3))
    assert [fill.name, order.name, wallet.name] == ["fill", "order", "wallet"]
    assert [int(sent.id) - int(first_id) for sent in (fill, order, wallet)] == [1, 2, 3]
    told = [msgspec.convert(sent.data, AccountDelta) for sent in (fill, order, wallet)]
    assert told[0].trade is not None
    assert (told[0].trade.role, told[0].trade.quantity_lots) == ("taker", 3)
    assert told[1].order is not None
    assert (told[1].order.order_id, told[1].order.leaves_lots) == (bought.body["order_id"], 2)
    assert told[2].wallet is not None
    assert told[2].wallet.held_nano_usd == 4_000_000
    assert resting.status == 201


def test_a_revoked_key_ends_its_account_stream_at_once(exchange, market, key_of):
    issued = key_of(market.buyer)
    with events(exchange, "/v1/stream/account", bearer(issued.secret)) as stream:
        next(stream)
        api_key_revoke(organisation_id=market.buyer.id, key_id=issued.key.id, now=datetime.now(UTC))
        name, _, data = next(stream)  # nothing happens on the account meanwhile
        assert (name, data["error"]["code"]) == ("error", "invalid_api_key")
        assert list(stream) == []


def signed_in(organisation: Organisation) -> str:
    """Return the session cookie of a new member who has just signed in."""
    member = member_create(
        organisation_id=organisation.id, username=builders.unique("member"), password="correct horse battery"
    )
    browser = Client()
    browser.force_login(member.user)
    return browser.cookies["sessionid"].value


def test_the_account_stream_opens_for_somebody_signed_in(exchange, market):
    cookie = signed_in(market.buyer)
    with events(exchange, "/v1/stream/account", {"Cookie": f"sessionid={cookie}"}) as stream:
        assert next(stream).data["balances"]["available_nano_usd"] == 10_000_000_000
    assert_error(
        exchange.get("/v1/stream/account", headers={"Cookie": "sessionid=forged"}), Code.INVALID_API_KEY
    )


# -- cancel on disconnect


def statuses(market: Market) -> list[tuple[str, str]]:
    """Return status and reason of the buyer's orders."""
    rows = Order.objects.filter(organisation=market.buyer).order_by("priority")
    return list(rows.values_list("status", "reason"))


def test_all_orders_are_cancelled_when_the_stream_ends(exchange, market, key_of):
    key = bearer(key_of(market.buyer).secret)
    market.buy(1_990, 5)
    before = utc_now()
    with events(exchange, "/v1/stream/account", key, cancel_on_disconnect="true") as stream:
        next(stream)
        market.buy(1_991, 5)
        assert next(stream).name == "order"
        switch = DeadMan.objects.get(organisation=market.buyer)
        assert switch.timeout_s == disconnects.LIFE_S  # it fires if the web process is killed
        assert before < switch.expires_at - timedelta(seconds=disconnects.LIFE_S) <= utc_now()
    market.sell(2_000, 1)
    eventually(lambda: DeadMan.objects.get(organisation=market.buyer).timeout_s == 0)
    assert statuses(market) == [("canceled", "disconnected")] * 2
    assert Order.objects.get(organisation=market.seller).status == "open"
    assert wallet(market.buyer)[1] == 0


def test_a_stream_that_did_not_ask_for_it_cancels_nothing(exchange, market, key_of):
    key = bearer(key_of(market.buyer).secret)
    market.buy(1_990, 5)
    with events(exchange, "/v1/stream/account", key, cancel_on_disconnect="false") as stream:
        next(stream)
    with events(exchange, "/v1/stream/account", key, cancel_on_disconnect="true") as stream:
        next(stream)
        assert statuses(market) == [("open", "")]
        market.buy(1_991, 5)
        next(stream)
    eventually(lambda: statuses(market) == [("canceled", "disconnected")] * 2)


def test_cancelling_on_disconnect_needs_a_key_that_may_trade(exchange, market, key_of):
    path = "/v1/stream/account?cancel_on_disconnect=true"
    reader = bearer(key_of(market.buyer, "read").secret)
    assert_error(exchange.get(path, headers=reader), Code.MISSING_SCOPE, "scope")
    cookie = {"Cookie": f"sessionid={signed_in(market.buyer)}"}
    assert_error(exchange.get(path, headers=cookie), Code.INVALID_API_KEY)
    for wrong, param in (("cancel_on_disconnect=yes", "cancel_on_disconnect"), ("depth=3", "depth")):
        refused = exchange.get(f"/v1/stream/account?{wrong}", headers=reader)
        assert_error(refused, Code.INVALID_FIELD, param)
    assert not DeadMan.objects.filter(organisation=market.buyer).exists()
