"""The public-access pool pays for small jobs of organisations without money, and never more than it has."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from django.core.management import call_command
from django.db import transaction
from pytest_django import DjangoDbBlocker

from accounts.selectors.house import PUBLIC_ACCESS_ID
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import Charge
from billing.selectors.balances import balances, posted
from billing.services.ledger_post import ledger_post
from core.clock import utc_now
from core.errors import Code, CuxError
from core.models import OutboxMessage
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Defund
from exchange.services.public_access_fund import public_access_fund
from exchange.tasks import OUTBOX_HANDLERS
from inference.models import Job
from inference.routing import Preferences
from inference.services.job_create import job_create
from inference.services.public_access import public_access_buy
from inference.services.sampling import Sampling
from tests.integration.api.conftest import bearer, relay_process, web_process
from tests.integration.api.market_scene import Providers, fund, offer
from tests.integration.api.test_errors import assert_error
from tests.integration.contract.books import at_once
from tests.integration.inference.scene import Scene, make_scene
from tests.races import race
from tests.sequencer_market import wallet
from tests.sequencer_process import sequencer

DAY_UCU = 2_000
PRICE, LOT_TICK = 2_000, 1_000
POOL_WALLET = of_organisation(Kind.WALLET, PUBLIC_ACCESS_ID)
RESERVE = of_house(Kind.PUBLIC_ACCESS)


@pytest.fixture(scope="module")
def urls(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[str, str]]:
    """Run sequencer, relay and a web with a free tier; return the addresses of web and relay."""
    with (
        sequencer(),
        relay_process() as relay_url,
        web_process(CUX_RELAY_URL=relay_url, CUX_PUBLIC_ACCESS_DAY_UCU=str(DAY_UCU)) as web_url,
    ):
        yield web_url, relay_url


@pytest.fixture
def scene(urls: tuple[str, str], db: None, settings: Any, tmp_path: Path) -> Scene:
    """Return two providers that offer, and a buyer with neither money nor compute."""
    settings.PUBLIC_ACCESS_DAY_UCU = DAY_UCU
    made = make_scene(tmp_path, providers=2, entitled=0)
    offer(made, made.agents[0], PRICE, 200)
    return made


@pytest.fixture
def ask(scene: Scene, urls: tuple[str, str], key_of):
    """Return a function that asks."""
    secret = key_of(scene.buyer).secret

    def post(**change: object) -> httpx.Response:
        body = {"model": scene.model.name, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 60}
        return httpx.post(
            f"{urls[0]}/v1/chat/completions",
            content=msgspec.json.encode(body | change),
            headers=bearer(secret) | {"Content-Type": "application/json"},
            timeout=30,
        )

    return post


def give(amount_nano_usd: int) -> None:
    """Put money into the public-access account, as fees do."""
    leg = Leg(of_house(Kind.EXTERNAL_CASH), RESERVE, amount_nano_usd)
    with transaction.atomic():
        ledger_post(entries=[JournalEntry(f"test:{uuid.uuid4()}", "test", (leg,), utc_now())], now=utc_now())


def pool_has(amount_nano_usd: int) -> None:
    """Have exactly so much in the pool's wallet, brought there as the clock does it."""
    if left := balances([POOL_WALLET])[POOL_WALLET].available:
        assert submit_sync(Defund(PUBLIC_ACCESS_ID, left, f"test {uuid.uuid4()}")).status == 200
    if not amount_nano_usd:
        return
    give(amount_nano_usd - posted(RESERVE))
    assert public_access_fund(now=utc_now()) == amount_nano_usd
    sent = OutboxMessage.objects.filter(topic="wallet.fund").order_by("-id").first()
    assert sent is not None
    OUTBOX_HANDLERS["wallet.fund"](sent.payload)
    assert posted(POOL_WALLET) == amount_nano_usd


def cost_of(scene: Scene, jobs: int = 1) -> int:
    """Return what the lots for jobs of 60 tokens cost, fee included."""
    lots = -(-jobs * scene.quote(max_tokens=60).quote_ucu // scene.instrument.lot_ucu)
    price = lots * PRICE * LOT_TICK
    return price + price * scene.instrument.taker_fee_ppm // 10**6 + 1


def test_the_pool_buys_and_pays_and_the_answer_says_so(scene, ask, urls):
    pool_has(10 * cost_of(scene))
    serving = Providers(scene, urls[1]).serve("Hi")
    answer = ask()
    serving.join()
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-cux-paid-by"] == "public_access"
    assert answer.json()["usage"]["cux"]["paid_by"] == "public_access"
    job = Job.objects.get(organisation=scene.buyer)
    charge = Charge.objects.get(subject_id=job.id)
    assert (charge.organisation_id, charge.escrow_nano_usd + charge.fee_nano_usd) == (
        PUBLIC_ACCESS_ID,
        job.charged_nano_usd,
    )
    assert job.charged_nano_usd > 0
    assert not Charge.objects.filter(organisation_id=scene.buyer.id).exists()
    call_command("ledger_verify")


def test_what_a_job_left_serves_the_next_one_of_another(scene, ask, urls):
    pool_has(10 * cost_of(scene))
    offers = Providers(scene, urls[1])
    serving = offers.serve("Hi", "Ho")
    assert ask().status_code == 200
    left = posted(POOL_WALLET)
    assert ask(max_tokens=2).status_code == 200
    serving.join()
    assert posted(POOL_WALLET) == left


def test_beyond_the_days_allowance_nothing_is_bought(scene, ask):
    pool_has(100 * cost_of(scene))
    before = posted(POOL_WALLET)
    for change in ({"n": 8}, {"max_tokens": 250, "n": 4}):
        refused = ask(**change)
        assert_error(refused, Code.PUBLIC_ACCESS_LIMIT)
        assert 0 < int(refused.headers["retry-after"]) <= 86_401
    assert (posted(POOL_WALLET), Job.objects.filter(organisation=scene.buyer).count()) == (before, 0)


def test_an_empty_pool_pays_for_nothing(scene, ask):
    pool_has(0)
    assert_error(ask(), Code.PUBLIC_ACCESS_EMPTY)
    assert not Job.objects.filter(organisation=scene.buyer).exists()


def test_who_has_money_buys_himself(scene, ask):
    pool_has(10 * cost_of(scene))
    fund(scene, 10)
    assert_error(ask(), Code.INSUFFICIENT_BALANCE)
    assert wallet(scene.buyer) == (10, 0)
    assert posted(POOL_WALLET) == 10 * cost_of(scene)


def test_many_at_once_never_overdraw_the_pool(scene):
    pool_has(3 * cost_of(scene))
    quote = scene.quote(max_tokens=60)

    def buy() -> bool:
        name = f"job-{uuid.uuid4().hex}"
        bought = public_access_buy(quote=quote, jobs=1, preferences=Preferences(), name=name, now=utc_now())
        return bought.is_whole

    came = [each.code if isinstance(each, CuxError) else each for each in at_once([buy] * 8)]
    assert sorted(map(str, came)) == sorted(map(str, [True] * 3 + [Code.PUBLIC_ACCESS_EMPTY] * 5))
    assert 0 <= posted(POOL_WALLET) < cost_of(scene)


def test_the_days_allowance_holds_for_two_jobs_at_once(scene, settings):
    pool_has(10 * cost_of(scene, jobs=2))
    quote = scene.quote(max_tokens=60)
    public_access_buy(quote=quote, jobs=2, preferences=Preferences(), name="two", now=utc_now())
    settings.PUBLIC_ACCESS_DAY_UCU = quote.quote_ucu * 2 - 1

    def create() -> object:
        return job_create(quote=quote, sampling=Sampling(), now=utc_now(), by_pool=True).id

    assert race(create, create)[1] is Code.PUBLIC_ACCESS_LIMIT
    assert Job.objects.filter(organisation=scene.buyer).count() == 1


def test_what_fees_gave_is_sent_on_once(scene):
    pool_has(0)
    give(5_000_000 - posted(RESERVE))
    assert race(*[lambda: public_access_fund(now=utc_now())] * 2) == (5_000_000, 0)
    assert posted(RESERVE) == 0
