"""The clients against the real exchange: what they send is taken, what it answers is read."""

import asyncio
import json

import httpx
import pytest
from typer.testing import CliRunner

from core.clock import rfc3339, utc_now
from cux.cli import app
from cux.client import (
    AsyncClient,
    AuthenticationError,
    Client,
    ConflictError,
    InsufficientFundsError,
    InvalidRequestError,
    NotFoundError,
    RetryPolicy,
)
from exchange.models import Order
from tests.integration.client.conftest import secret_of
from tests.sequencer_market import Market, wallet


def test_an_order_rests_is_found_replaced_and_cancelled(client: Client, market: Market) -> None:
    symbol = market.instrument.symbol
    placed = client.order_place(symbol, "buy", quantity_lots=5, price_ticks=2_000, client_order_id="mine")
    assert (placed.status, placed.leaves_lots, placed.held_nano_usd) == ("open", 5, 10_000_000)
    assert client.order_get(placed.order_id).usd_per_cu == "20.00"
    assert [order.order_id for order in client.order_list(client_order_id="mine")] == [placed.order_id]
    assert client.book_get(symbol).bids == [(2_000, 5)]
    replaced = client.order_replace(placed.order_id, price_ticks=1_000, quantity_lots=4)
    assert replaced.held_nano_usd == 4_000_000
    assert client.order_cancel(placed.order_id).status == "canceled"
    assert wallet(market.buyer)[1] == 0


def test_a_trade_is_on_the_tape_and_becomes_an_entitlement(client: Client, market: Market) -> None:
    symbol = market.instrument.symbol
    market.sell(2_000, 5)
    bought = client.order_place(symbol, "buy", quantity_lots=5, type="market", tif="IOC")
    assert (bought.status, bought.avg_price_nano_usd_per_lot) == ("filled", 2_000_000)
    assert [trade.role for trade in bought.trades] == ["taker"]
    assert [(trade.price_ticks, trade.usd_per_cu) for trade in client.trade_list(symbol)] == [
        (2_000, "20.00")
    ]
    (held,) = client.entitlement_list(live_only=True)
    assert (held.quantity_ucu, held.available_ucu) == (500, 500)
    assert client.balance_get().available_nano_usd == 9_990_000_000
    assert client.balance_get(as_of=rfc3339(utc_now())).available_nano_usd == 9_990_000_000
    assert client.balance_get(as_of="2026-01-01T00:00:00Z").posted_nano_usd == 0
    terms = client.instrument_get(symbol)
    assert (terms.lot_ucu, terms.tick_usd_per_cu) == (100, "0.01")
    assert symbol in [row.instrument for row in client.instrument_list()]


def test_lists_run_over_pages(client: Client, market: Market) -> None:
    prices = [1_001, 1_002, 1_003]
    placed = [
        client.order_place(market.instrument.symbol, "buy", quantity_lots=1, price_ticks=price).order_id
        for price in prices
    ]
    assert [order.order_id for order in client.order_list(open_only=True, page_size=1)] == placed[::-1]
    cancelled = client.order_cancel_all(instrument=market.instrument.symbol).canceled
    assert sorted(cancelled) == sorted(placed)
    assert list(client.order_list(open_only=True)) == []


def test_an_answer_lost_on_the_way_makes_no_second_order(urls: tuple[str, str], market: Market) -> None:
    class Losing(httpx.HTTPTransport):
        lost = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            if request.method == "POST" and not self.lost:
                self.lost += 1
                response.read()
                raise httpx.ReadError("lost")
            return response

    transport = Losing()
    retry = RetryPolicy(first_pause_s=0)
    with Client(urls[0], secret_of(market.buyer), transport=transport, retry=retry) as client:
        order = client.order_place(market.instrument.symbol, "buy", quantity_lots=1, price_ticks=5)
    assert transport.lost == 1
    assert [f"ord_{row.id.hex}" for row in Order.objects.filter(organisation=market.buyer)] == [
        order.order_id
    ]


def test_refusals_are_exceptions_of_their_kind(client: Client, market: Market, urls: tuple[str, str]) -> None:
    symbol = market.instrument.symbol
    with pytest.raises(InsufficientFundsError) as poor:
        client.order_place(symbol, "buy", quantity_lots=10_000, price_ticks=10_000)
    assert (poor.value.code, poor.value.request_id is None) == ("insufficient_balance", False)
    with pytest.raises(InvalidRequestError) as beyond:
        client.order_place(symbol, "buy", quantity_lots=1, price_ticks=10_001)
    assert beyond.value.code == "price_out_of_band"
    with pytest.raises(ConflictError):
        client.order_place(symbol, "sell", quantity_lots=1, price_ticks=1)
    with pytest.raises(NotFoundError):
        client.book_get("no-such/instrument")
    with Client(urls[0], "cux_wrong") as stranger, pytest.raises(AuthenticationError):
        stranger.balance_get()
    assert not Order.objects.filter(organisation=market.buyer).exists()


def test_the_asynchronous_client_trades_and_watches(urls: tuple[str, str], market: Market) -> None:
    symbol, secret = market.instrument.symbol, secret_of(market.buyer)

    async def trade_and_watch() -> list[list[tuple[int, int]]]:
        seen = []
        async with AsyncClient(urls[0], secret) as client:
            async for view in client.market_watch(symbol):
                seen.append(view.book.bids)
                if len(seen) == 2:
                    break
                await client.order_place(symbol, "buy", quantity_lots=3, price_ticks=1_500)
            balance, orders = await asyncio.gather(client.balance_get(), client.book_get(symbol))
            assert (balance.held_nano_usd, orders.bids) == (4_500_000, [(1_500, 3)])
            assert [order.leaves_lots async for order in client.order_list()] == [3]
            async for account in client.account_watch():
                assert [order.leaves_lots for order in account.open_orders] == [3]
                break
        return seen

    assert asyncio.run(trade_and_watch()) == [[], [(1_500, 3)]]


def test_the_command_line_trades(urls: tuple[str, str], market: Market) -> None:
    runner = CliRunner()
    signed_in = runner.invoke(app, ["login", "--key-stdin", "--url", urls[0]], input=secret_of(market.buyer))
    assert signed_in.exit_code == 0, signed_in.output
    symbol = market.instrument.symbol
    order = ["order", "place", "buy", symbol, "--lots", "5", "--price", "2000", "--json"]
    assert runner.invoke(app, [*order, "--dry-run"]).exit_code == 0
    placed = json.loads(runner.invoke(app, order).stdout)
    assert placed["status"] == "open"
    book = runner.invoke(app, ["market", "book", symbol])
    assert "$20.00" in book.stdout
    assert "$9.99" in runner.invoke(app, ["balance"]).stdout
    assert runner.invoke(app, ["order", "cancel", placed["order_id"]]).exit_code == 0
    again = runner.invoke(app, ["order", "cancel", placed["order_id"]])
    assert (again.exit_code, "unknown_order" in again.stderr) == (1, True)
    assert wallet(market.buyer)[1] == 0
