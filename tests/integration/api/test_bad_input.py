"""Whatever a caller sends, the answer is a refusal with its own code, and nothing has moved."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection

from accounts.models import Organisation
from billing.models import Balance, Entry, Hold
from core.clock import utc_now
from core.errors import Code
from core.models import OutboxMessage
from exchange.models import Entitlement, Order, Trade
from inference.models import Job, Lease, Receipt, Reservation
from tests import builders
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.integration.inference.scene import Scene, make_scene
from tests.sequencer_market import Market, make_market

MOVES = (Balance, Entry, Hold, Order, Trade, Entitlement, Job, Reservation, Lease, Receipt, OutboxMessage)


def everything() -> dict[str, str]:
    """Return a digest of all rows by which money, compute or work could have moved, for each table."""
    digests = {}
    with connection.cursor() as cursor:
        for name in (table._meta.db_table for table in MOVES):
            cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
            digests[name] = cursor.fetchone()[0]
    return digests


@dataclass
class World:
    """An exchange with money, capacity, compute and a model, and the keys of those who have them."""

    http: httpx.Client
    market: Market
    scene: Scene
    key_of: Callable[..., Any]

    def key(self, who: Organisation, *scopes: str) -> dict[str, str]:
        """Return the header of a key."""
        return bearer(self.key_of(who, *scopes).secret)

    def refuses(self, body: object, code: Code, param: str | None, *, path: str, key: dict[str, str]) -> None:
        """Send a body, and check the refusal and that nothing has moved."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        before = everything()
        answer = self.http.post(path, content=content, headers=key | {"Content-Type": "application/json"})
        assert_error(answer, code, param)
        assert everything() == before


@pytest.fixture
def world(exchange: httpx.Client, tmp_path: Path, key_of: Callable[..., Any]) -> Iterator[World]:
    """Return a world of the test's own."""
    return World(exchange, make_market(), make_scene(tmp_path), key_of)


ORDERS = [
    ({"price_ticks": 2_000.5}, Code.PRICE_NOT_ON_TICK, "price_ticks"),
    ({"price_ticks": 10_001}, Code.PRICE_OUT_OF_BAND, "price_ticks"),
    ({"instrument": "no-such"}, Code.UNKNOWN_INSTRUMENT, "instrument"),
    ({"instrument": "a\0b"}, Code.INVALID_FIELD, "instrument"),
    ({"price_ticks": 2**63}, Code.NUMBER_TOO_LARGE, "price_ticks"),
    ({"price_ticks": 10_000, "quantity_lots": 10**400}, Code.NUMBER_TOO_LARGE, "quantity_lots"),
    ({"quantity_lots": -1}, Code.QUANTITY_OUT_OF_RANGE, "quantity_lots"),
    ({"quantity_lots": 100_000}, Code.INSUFFICIENT_BALANCE, None),
    ({"side": "sell"}, Code.NO_CAPACITY, None),
    ({"organisation_id": "org_1"}, Code.INVALID_FIELD, "organisation_id"),
    ({"beneficiary_id": "org_1"}, Code.INVALID_FIELD, "beneficiary_id"),
    ({"beneficiary_ucu": 1}, Code.INVALID_FIELD, "beneficiary_ucu"),
]


@pytest.mark.parametrize(("change", "code", "param"), ORDERS)
def test_a_bad_order_moves_nothing(
    world: World, change: dict[str, Any], code: Code, param: str | None
) -> None:
    order = {"instrument": world.market.instrument.symbol, "side": "buy", "quantity_lots": 5}
    order |= {"price_ticks": 2_000} | change
    world.refuses(order, code, param, path="/v1/orders", key=world.key(world.market.buyer))


def test_selling_more_than_was_measured_moves_nothing(world: World) -> None:
    lots = 1_000 * world.market.instrument.window_s // world.market.instrument.lot_ucu
    order = {"instrument": world.market.instrument.symbol, "side": "sell", "price_ticks": 1}
    key = world.key(world.market.seller)
    too_many = order | {"quantity_lots": lots + 1}
    world.refuses(too_many, Code.INSUFFICIENT_CAPACITY, None, path="/v1/orders", key=key)
    fits = world.http.post("/v1/orders", json=order | {"quantity_lots": lots}, headers=key)
    assert fits.status_code == 201


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/chat/completions", "/v1/quotes"])
@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"\xff", b'"\\ud800"'])
def test_malformed_json_moves_nothing(world: World, path: str, body: bytes) -> None:
    world.refuses(body, Code.MALFORMED_JSON, None, path=path, key=world.key(world.scene.buyer))


@pytest.mark.parametrize(
    ("path", "scope"), [("/v1/orders", "infer"), ("/v1/chat/completions", "trade"), ("/v1/quotes", "read")]
)
def test_a_key_of_another_scope_moves_nothing(world: World, path: str, scope: str) -> None:
    world.refuses({}, Code.MISSING_SCOPE, "scope", path=path, key=world.key(world.market.buyer, scope))


CHATS = [
    ({"model": "no-such"}, Code.UNKNOWN_MODEL, "model"),
    ({"model": "a\0b"}, Code.UNKNOWN_MODEL, "model"),
    ({"messages": [{"role": "user", "content": "x" * 256}]}, Code.CONTEXT_LENGTH_EXCEEDED, "messages"),
    ({"max_tokens": 252}, Code.CONTEXT_LENGTH_EXCEEDED, "max_tokens"),
    ({"max_compute_ucu": 1}, Code.BUDGET_TOO_SMALL, "max_compute_ucu"),
    ({"max_compute_ucu": 0}, Code.BUDGET_TOO_SMALL, "max_compute_ucu"),
    ({"max_compute_ucu": 2**63}, Code.NUMBER_TOO_LARGE, "max_compute_ucu"),
    ({"messages": [{"role": "user", "content": ""}]}, Code.INVALID_FIELD, "messages"),
    ({"stop": "a\0b"}, Code.INVALID_FIELD, "stop"),
    ({"stop": ""}, Code.INVALID_FIELD, "stop"),
    ({"seed": -1}, Code.INVALID_FIELD, "seed"),
    ({"tools": [{}]}, Code.INVALID_FIELD, "tools[0].type"),
    ({"n": 0}, Code.INVALID_FIELD, "n"),
    ({"provider": {"only": ["nobody"]}}, Code.INVALID_FIELD, "provider.only"),
    ({"logit_bias": {"49152": 1}}, Code.INVALID_FIELD, "logit_bias"),
]


@pytest.mark.parametrize(("change", "code", "param"), CHATS)
def test_a_bad_chat_moves_nothing(world: World, change: dict[str, Any], code: Code, param: str) -> None:
    body = {"model": world.scene.model.name, "messages": [{"role": "user", "content": "hello"}]}
    key = world.key(world.scene.buyer)
    world.refuses(body | {"max_tokens": 20} | change, code, param, path="/v1/chat/completions", key=key)


def test_a_chat_without_compute_moves_nothing(world: World) -> None:
    body = {"model": world.scene.model.name, "messages": [{"role": "user", "content": "hello"}]}
    path, stranger = "/v1/chat/completions", world.key(builders.organisation("stranger"))
    world.refuses(body, Code.INSUFFICIENT_ENTITLEMENT, None, path=path, key=stranger)
    ended = utc_now() - timedelta(seconds=1)
    Entitlement.objects.filter(holder=world.scene.buyer).update(ends_at=ended)
    own = world.key(world.scene.buyer)
    world.refuses(body, Code.ENTITLEMENT_EXPIRED, None, path=path, key=own)


def test_a_chat_while_the_provider_is_not_ready_moves_nothing(world: World) -> None:
    world.scene.agents[0].heartbeat(world.scene.model, now=utc_now(), ready=False)
    body = {"model": world.scene.model.name, "messages": [{"role": "user", "content": "hello"}]}
    key = world.key(world.scene.buyer)
    world.refuses(body, Code.DEPENDENCY_UNAVAILABLE, None, path="/v1/chat/completions", key=key)


@pytest.mark.parametrize(
    ("path", "code", "param"),
    [
        ("/v1/models/a%00b", Code.UNKNOWN_MODEL, "model"),
        ("/v1/instruments/a%00b/book", Code.UNKNOWN_INSTRUMENT, "instrument"),
        ("/v1/orders?client_order_id=a%00b", Code.INVALID_FIELD, "client_order_id"),
        ("/v1/orders?instrument=a%00b", Code.INVALID_FIELD, "instrument"),
    ],
)
def test_a_nul_in_an_address_is_refused(world: World, path: str, code: Code, param: str) -> None:
    assert_error(world.http.get(path, headers=world.key(world.scene.buyer)), code, param)
