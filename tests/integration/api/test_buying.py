"""Compute is bought at market for a request that no entitlement covers."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from pytest_django import DjangoDbBlocker

from core.errors import Code
from exchange.models import Entitlement, Order
from inference.models import Job
from inference.services.job_buy import purchase_name
from tests.integration.api.conftest import bearer, relay_process, web_process
from tests.integration.api.market_scene import Providers, buy, fund, offer
from tests.integration.api.test_errors import assert_error
from tests.integration.inference.scene import Scene, make_scene
from tests.sequencer_market import wallet
from tests.sequencer_process import sequencer

MONEY = 10_000_000_000
LOT_TICK = 1_000
"""Nano-USD of a lot at one tick; a tick is a cent a CU."""


@pytest.fixture(scope="module")
def urls(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[str, str]]:
    """Run sequencer, relay and web; return the addresses of web and relay."""
    with sequencer(), relay_process() as relay_url, web_process(CUX_RELAY_URL=relay_url) as web_url:
        yield web_url, relay_url


@pytest.fixture
def scene(urls: tuple[str, str], db: None, tmp_path: Path) -> Scene:
    """Return two providers and a buyer with $10 and no compute."""
    made = make_scene(tmp_path, providers=2, entitled=0)
    fund(made, MONEY)
    return made


@pytest.fixture
def providers(scene: Scene, urls: tuple[str, str]) -> Providers:
    """Return who answers."""
    return Providers(scene, urls[1])


@pytest.fixture
def ask(scene: Scene, urls: tuple[str, str], key_of):
    """Return a function that asks under an idempotency key."""
    secret = key_of(scene.buyer).secret

    def post(key: str, **change: object) -> httpx.Response:
        headers = bearer(secret) | {"Idempotency-Key": key, "Content-Type": "application/json"}
        return httpx.post(
            f"{urls[0]}/v1/chat/completions", content=body_of(scene, **change), headers=headers, timeout=30
        )

    return post


def body_of(scene: Scene, **change: object) -> bytes:
    body = {"model": scene.model.name, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 60}
    return msgspec.json.encode(body | change)


def lots_of(scene: Scene) -> int:
    lots = -(-scene.quote(max_tokens=60).quote_ucu // scene.instrument.lot_ucu)
    assert lots > 1
    return lots


def orders(scene: Scene) -> list[Order]:
    return list(Order.objects.filter(organisation=scene.buyer).order_by("id"))


def name_of(scene: Scene, key: str, **change: object) -> str:
    digest = hashlib.sha256(body_of(scene, **change)).digest()
    return purchase_name(organisation_id=scene.buyer.id, key=key, body_sha256=digest)


def test_whole_lots_are_bought_from_one_provider_and_the_rest_stays_the_buyers(scene, providers, ask):
    lots = lots_of(scene)
    offer(scene, scene.agents[0], 1_900, lots - 1)  # cheaper, and not enough
    offer(scene, scene.agents[1], 2_000, 50)
    serving = providers.serve("Hi")
    answer = ask("buy-1", provider={"max_price": 25})
    serving.join()
    assert answer.status_code == 200, answer.text
    (order,) = orders(scene)
    assert (order.status, order.cumulative_lots, order.limit_ticks) == ("filled", lots, 2_000)
    (entitlement,) = Entitlement.objects.filter(holder=scene.buyer)
    assert entitlement.provider_id == scene.agents[1].organisation_id
    cux = answer.json()["usage"]["cux"]
    cost = 2_000 * lots * LOT_TICK + order.fee_nano_usd
    assert cux["bought"] == {
        "order_id": f"ord_{order.id.hex}",
        "quantity_ucu": 100 * lots,
        "cost_nano_usd": cost,
        "left_ucu": 100 * lots - cux["compute_ucu"],
    }
    assert answer.headers["x-cux-bought-ucu"] == str(100 * lots)
    assert wallet(scene.buyer) == (MONEY - cost, 0)


def test_a_request_repeated_after_a_crash_does_not_buy_twice(scene, providers, ask):
    lots = lots_of(scene)
    offer(scene, scene.agents[0], 2_000, 50)
    bought = buy(scene, 2_000, lots, name_of(scene, "crash-1"))  # and then it crashed
    assert bought["status"] == "filled"
    serving = providers.serve("Hi")
    answer = ask("crash-1")
    serving.join()
    assert answer.status_code == 200, answer.text
    assert len(orders(scene)) == 1
    assert answer.json()["usage"]["cux"]["bought"]["order_id"] == bought["order_id"]
    assert_error(ask("crash-1"), Code.ANSWER_NOT_KEPT)
    assert (len(orders(scene)), Job.objects.filter(organisation=scene.buyer).count()) == (1, 1)


def test_what_was_bought_in_part_stays_and_the_job_is_refused_again_and_again(scene, ask):
    lots = lots_of(scene)
    offer(scene, scene.agents[0], 2_000, lots - 1)
    bought = buy(scene, 2_000, lots, name_of(scene, "part-1"))
    assert (bought["status"], bought["cumulative_lots"]) == ("canceled", lots - 1)
    offer(scene, scene.agents[0], 2_000, 50)
    left = wallet(scene.buyer)
    for _ in range(2):
        assert_error(ask("part-1"), Code.BOUGHT_IN_PART)
    assert (wallet(scene.buyer), len(orders(scene))) == (left, 1)
    (entitlement,) = Entitlement.objects.filter(holder=scene.buyer)
    assert entitlement.quantity_ucu == 100 * (lots - 1)
    assert not Job.objects.filter(organisation=scene.buyer).exists()


@pytest.mark.parametrize(
    "change",
    [{"buy": False}, {"provider": {"max_price": "19.99"}}, {"max_tokens": 200}],
    ids=["not wanted", "too dear", "too much"],
)
def test_what_may_not_be_bought_moves_nothing(scene, ask, change):
    offer(scene, scene.agents[0], 2_000, lots_of(scene))
    assert_error(ask("none-1", **change), Code.INSUFFICIENT_ENTITLEMENT)
    assert (orders(scene), wallet(scene.buyer)) == ([], (MONEY, 0))


def test_only_providers_that_are_wanted_are_bought_from(scene, ask, providers):
    offer(scene, scene.agents[0], 1_900, 50)
    offer(scene, scene.agents[1], 2_000, 50)
    unwanted = scene.agents[0].provider.name
    serving = providers.serve("Hi")
    answer = ask("only-1", provider={"ignore": [unwanted], "max_price": 25})
    serving.join()
    assert answer.status_code == 200, answer.text
    (entitlement,) = Entitlement.objects.filter(holder=scene.buyer)
    assert entitlement.provider_id == scene.agents[1].organisation_id


def test_without_a_price_the_usual_one_with_a_premium_is_the_most(scene, ask, settings):
    usual = scene.instrument.reference_ticks or (
        (scene.instrument.band_low_ticks + scene.instrument.band_high_ticks) // 2
    )
    offer(scene, scene.agents[0], usual * 111 // 100 + 1, 50)
    assert_error(ask("usual-1"), Code.INSUFFICIENT_ENTITLEMENT)
    assert orders(scene) == []
