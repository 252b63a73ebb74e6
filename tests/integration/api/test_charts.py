"""Candles, statistics, index and the dead-man switch over HTTP, through the typed client."""

from datetime import UTC, datetime, timedelta

import pytest

from core.clock import rfc3339
from core.errors import Code
from cux.client import Client
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.sequencer_market import make_market


@pytest.fixture
def market(exchange):
    """Return a market of the test's own."""
    return make_market()


@pytest.fixture
def client(exchange_url, market, key_of):
    """Return a client of the market's buyer."""
    with Client(exchange_url, key_of(market.buyer).secret) as client:
        yield client


def test_trades_show_in_candles_and_statistics(client, market):
    for price, lots in ((2_000, 3), (1_000, 2)):
        assert market.sell(price, lots).status == 201
        assert market.buy(price, lots).status == 201
    symbol = market.instrument.symbol
    (candle,) = client.candle_list(symbol, interval="1d")
    assert (candle.open_ticks, candle.high_ticks, candle.low_ticks, candle.close_ticks) == (
        2_000,
        2_000,
        1_000,
        1_000,
    )
    assert (candle.volume_lots, candle.trades, candle.is_closed) == (5, 2, False)
    stats = client.stats_get(symbol)
    assert (stats.last_ticks, stats.volume_lots, stats.change_ppm) == (1_000, 5, -500_000)


def test_candles_are_asked_for_by_time(client, market):
    assert market.sell(2_000, 1).status == 201
    assert market.buy(2_000, 1).status == 201
    now = datetime.now(UTC)
    start, end = (rfc3339(now + timedelta(hours=hours)) for hours in (-3, -1))
    assert client.candle_list(market.instrument.symbol, interval="1h", start=start, end=end) == []
    assert len(client.candle_list(market.instrument.symbol, interval="1s", start=rfc3339(now))) == 1


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"interval": "2m"}, "interval"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-01-01T00:00:00+01:00"}, "start"),
        ({"end": "2026-13-01T00:00:00Z"}, "end"),
        ({"start": "2020-01-01T00:00:00Z"}, "start"),
        ({"start": "9999-12-31T23:59:59Z"}, "start"),
        ({"start": "0001-01-01T00:00:00Z", "end": "0001-01-02T00:00:00Z", "interval": "1s"}, "start"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_candles_that_cannot_be_are_refused(exchange, market, asked, param):
    answer = exchange.get(f"/v1/instruments/{market.instrument.symbol}/candles", params=asked)
    assert_error(answer, Code.INVALID_FIELD, param)


@pytest.mark.parametrize("what", ["candles", "stats"])
def test_an_instrument_that_is_not_there_has_none(exchange, what):
    assert_error(exchange.get(f"/v1/instruments/no-such/{what}"), Code.UNKNOWN_INSTRUMENT, "instrument")


@pytest.mark.parametrize("code", ["no-such", "x" * 100, "%00"])
def test_an_index_that_is_not_published_is_404(exchange, code):
    assert_error(exchange.get(f"/v1/index/{code}"), Code.NOT_FOUND)


def test_a_cursor_that_was_not_given_out_is_refused(exchange):
    answer = exchange.get("/v1/index/overall", params={"cursor": "AAAA"})
    assert_error(answer, Code.INVALID_FIELD, "cursor")


def test_an_order_is_found_by_its_own_id(client, exchange, market, key_of):
    placed = client.order_place(
        market.instrument.symbol, "buy", quantity_lots=1, price_ticks=1, client_order_id="a/b?c%"
    )
    assert client.order_find("a/b?c%").order_id == placed.order_id
    headers = bearer(key_of(market.buyer).secret)
    for own in ("a", "replace", "a/replace", "%00"):
        answer = exchange.get(f"/v1/orders/by-client-id/{own}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_order")


def test_the_dead_man_switch_is_set_shown_and_turned_off(client, exchange, market, key_of):
    assert client.dead_man_get().timeout_s == 0
    armed = client.dead_man_set(3_600)
    assert (armed.timeout_s, client.dead_man_get()) == (3_600, armed)
    assert client.dead_man_set(0).expires_at is None
    assert client.dead_man_get().timeout_s == 0
    headers = bearer(key_of(market.buyer).secret)
    for body in ({"timeout_s": -1}, {"timeout_s": 86_401}, {"timeout_s": "1"}):
        answer = exchange.put("/v1/dead-man", json=body, headers=headers)
        assert_error(answer, Code.INVALID_FIELD, "timeout_s")
