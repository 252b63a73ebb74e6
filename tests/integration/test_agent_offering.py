"""The agent's offers follow what it can deliver: over HTTP, against an exchange that keeps a book of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from agent.engine import AttachedEngine
from agent.engine_client import EngineClient
from agent.exchange import Exchange
from agent.offering import Offering
from agent.pricing import Policy
from agent.served import Served
from agent.transport import Transport
from cux.client import AsyncClient
from tests.http_server import Exchange as Call
from tests.http_server import serve
from tests.integration.agent_world import CARD

INSTRUMENT = {
    "compute_class": "tiny",
    "model": "tiny",
    "phase": "continuous",
    "lot_ucu": 100,
    "tick_nano_usd": 1,
    "tick_usd_per_cu": "0.01",
    "band_low_ticks": 0,
    "band_high_ticks": 0,
    "max_order_lots": 10**6,
    "maker_fee_ppm": 0,
    "taker_fee_ppm": 0,
    "window_s": 1_000,
}
AT = "2026-11-23T00:00:00Z"


class Market:
    """An exchange with a book of sell orders and standing offers."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.standing: dict[str, dict[str, Any]] = {}
        self.issued_ucu = 0
        self.commands: list[str] = []
        self.refuses = False

    async def handle(self, call: Call) -> None:
        """Answer as the exchange's API does."""
        method, path = call.method, call.path.split("?")[0]
        if path == "/agent/v1/capacity":
            rows = [
                {
                    "compute_class": "tiny",
                    "delivery": delivery,
                    "rate_ucu_per_s": 1_000,
                    "tier_factor_ppm": 1_000_000,
                    "issued_ucu": self.issued_ucu,
                }
                for delivery in ("spot", "idle")
            ]
            await call.answer(200, {"version": 1, "data": rows})
        elif path.startswith("/v1/instruments/"):
            symbol = path.split("/")[3]
            await call.answer(200, INSTRUMENT | {"instrument": symbol, "delivery": symbol.split("-")[1]})
        elif method == "GET":
            table = self.orders if path == "/v1/orders" else self.standing
            await call.answer(200, {"data": list(table.values())[::-1], "next_cursor": None})
        elif self.refuses:
            await call.refuse(422, "insufficient_capacity")
        else:
            self.commands.append(method + " " + path)
            await call.answer(200, await self._change(method, path, call))

    async def _change(self, method: str, path: str, call: Call) -> dict[str, Any]:
        table, named = (self.orders, "order_id") if "orders" in path else (self.standing, "standing_offer_id")
        if method == "DELETE":
            return table.pop(path.split("/")[3])
        body = await call.json()
        if path.endswith("/replace"):
            row = table[path.split("/")[3]]
            row |= {"price_ticks": body["price_ticks"], "leaves_lots": body["quantity_lots"]}
            return row
        if table is self.standing:
            table.clear()
        return self.put(table, named, body)

    def put(self, table: dict[str, dict[str, Any]], named: str, body: dict[str, Any]) -> dict[str, Any]:
        """Keep an order or offer."""
        name = f"o{len(self.commands)}"
        view = {"cumulative_lots": 0, "held_nano_usd": 0, "status": "open", "tif": "GTC", "type": "limit"}
        table[name] = view | body | {named: name, "created_at": AT, "leaves_lots": body["quantity_lots"]}
        return table[name]

    @property
    def offers(self) -> list[tuple[int, int]]:
        """Price and size of each sell order."""
        return [(row["price_ticks"], row["leaves_lots"]) for row in self.orders.values()]


def run(scenario: Callable[[Market, Offering, Served], Awaitable[None]], *policies: Policy) -> None:
    """Run a scenario with one engine of four slots that is ready."""

    async def main() -> None:
        market = Market()
        async with serve(market.handle) as url:
            place = Served("e", AttachedEngine(EngineClient(url, model="tiny"), model="tiny"), CARD, 4, True)
            place.engine.ready.set()
            async with Transport(url, token="t") as line, AsyncClient(url, "sk_live_x") as client:
                offering = Offering(client, Exchange(line), [place], policies, 30)
                await scenario(market, offering, place)
            assert place.engine.client is not None
            await place.engine.client.close()

    asyncio.run(main())


SPOT = Policy(instrument="tiny-spot", floor_ticks=50, ask_ticks=100, busy_ticks=300, share_percent=80)


def test_the_offer_follows_load_and_sales_and_is_left_alone_while_it_is_right() -> None:
    async def scenario(market: Market, offering: Offering, place: Served) -> None:
        await offering.look()
        await offering.look()
        assert (market.offers, market.commands) == ([(100, 8_000)], ["POST /v1/orders"])
        place.running |= {"l1", "l2"}
        market.issued_ucu = 500_000
        await offering.look()
        assert market.offers == [(200, 4_000)]
        assert market.commands[1:] == ["POST /v1/orders/o1/replace"]
        assert offering.problem == ""

    run(scenario, SPOT)


def test_an_engine_that_is_down_and_a_pause_take_the_offer_out() -> None:
    async def scenario(market: Market, offering: Offering, place: Served) -> None:
        await offering.look()
        place.engine.ready.clear()
        await offering.look()
        assert market.offers == []
        place.engine.ready.set()
        await offering.look()
        assert market.offers == [(100, 8_000)]
        await offering.withdraw()
        assert market.offers == []

    run(scenario, SPOT)


def test_orders_that_are_not_the_agents_stay_and_their_capacity_is_not_offered_twice() -> None:
    async def scenario(market: Market, offering: Offering, _place: Served) -> None:
        body = {"instrument": "tiny-spot", "side": "sell", "price_ticks": 7, "quantity_lots": 5_000}
        market.put(market.orders, "order_id", body)
        await offering.look()
        assert sorted(market.offers) == [(7, 5_000), (100, 4_000)]
        await offering.withdraw()
        assert market.offers == [(7, 5_000)]

    run(scenario, SPOT)


def test_idle_capacity_stands_in_the_auctions_until_it_is_withdrawn() -> None:
    async def scenario(market: Market, offering: Offering, _place: Served) -> None:
        await offering.look()
        await offering.look()
        (row,) = market.standing.values()
        assert (row["price_ticks"], row["quantity_lots"], len(market.commands)) == (40, 9_000, 1)
        await offering.withdraw()
        assert market.standing == {}

    run(scenario, Policy(instrument="tiny-idle", floor_ticks=40))


def test_a_refusal_is_said_and_the_other_instruments_are_offered_all_the_same() -> None:
    async def scenario(market: Market, offering: Offering, _place: Served) -> None:
        market.refuses = True
        await offering.look()
        assert offering.problem.count("insufficient_capacity") == 2
        market.refuses = False
        await offering.look()
        assert (offering.problem, len(market.orders), len(market.standing)) == ("", 1, 1)

    run(scenario, SPOT, Policy(instrument="tiny-idle", floor_ticks=40))
