"""Who may see and do what on the pages, and that a refusal moves nothing."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Member
from accounts.networks import parse_networks
from accounts.services import member_create
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import new_id, public_id
from exchange.models import Order
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests import builders
from tests.builders import unique
from tests.integration.inference.scene import EOS, Scene, make_scene
from tests.integration.web.conftest import PASSWORD
from tests.sequencer_market import Market, wallet
from web.models import LoginAttempts
from web.services.login_attempts import (
    ADDRESS_LIMIT,
    LIMIT,
    PERIOD,
    login_attempt_take,
    login_attempts_forget,
)
from web.views.docs import DOCUMENTS

FUNDS = 10_000_000_000
HTML = {"HTTP_ACCEPT": "text/html"}
PRIVATE = [
    ("get", "/panels/orders"),
    ("get", "/panels/account"),
    ("get", "/playground"),
    ("post", "/playground/quote"),
    ("get", "/playground/tranches/adp_00"),
    ("get", "/activity"),
    ("get", "/provider"),
    ("get", "/receipts/job_00"),
    ("get", "/receipts/job_00.json"),
    ("post", "/ticket/preview"),
    ("post", "/orders"),
    ("post", "/orders/cancel-all"),
    ("post", "/orders/ord_00/cancel"),
]


def ticket(market: Market, **other: object) -> dict[str, object]:
    """Return what the ticket sends: buy 10 lots at 1,000 ticks."""
    return {
        "instrument": market.instrument.symbol,
        "key": new_id().hex,
        "side": "buy",
        "type": "limit",
        "tif": "GTC",
        "quantity_lots": 10,
        "price_ticks": 1_000,
    } | other


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_who_is_not_signed_in_is_sent_to_the_sign_in_page(db: None, method: str, path: str) -> None:
    answer = getattr(Client(), method)(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login?next={path}")


def test_the_stream_refuses_who_is_not_signed_in(db: None) -> None:
    answer = Client().post("/playground/stream", {"model": "m", "prompt": "p", "max_tokens": 1})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", ["/orders", "/orders/cancel-all", "/playground/stream", "/login", "/logout"])
def test_forms_of_other_sites_are_refused(
    market: Market, client_of: Callable[..., Client], path: str
) -> None:
    client = client_of(market.buyer, enforce_csrf_checks=True)
    answer = client.post(path, ticket(market), **HTML)
    assert (answer.status_code, "This form has grown stale" in answer.text) == (403, True)
    assert not Order.objects.filter(organisation=market.buyer).exists()


def test_an_order_is_placed_once_however_often_its_form_is_sent(
    market: Market, client_of: Callable[..., Client]
) -> None:
    client = client_of(market.buyer)
    form = ticket(market)
    for _ in range(2):
        answer = client.post("/orders", form, headers={"HX-Request": "true"})
        assert (answer.status_code, "Resting in the book" in answer.text) == (200, True)
    (order,) = Order.objects.filter(organisation=market.buyer)
    assert (order.price_ticks, order.quantity_lots, order.status) == (1_000, 10, "open")
    assert wallet(market.buyer) == (FUNDS, 10_100_000)
    assert client.post(f"/orders/{public_id('order', order.id)}/cancel").status_code == 302
    assert wallet(market.buyer) == (FUNDS, 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"price_ticks": 20_000}, "The price must be 1 to 10000 ticks now."),
        ({"quantity_lots": 1_000_001, "price_ticks": 1}, "The quantity must be 1 to 1000000 lots."),
        ({"quantity_lots": 10_000}, "There is not enough money available; nothing moved."),
        ({"type": "market", "tif": "GTC"}, "A market order cannot rest: choose IOC or FOK."),
        ({"type": "market", "tif": "DAY"}, "A market order cannot rest: choose IOC or FOK."),
        ({"tif": "IOC", "post_only": "on"}, "A post-only order rests, IOC and FOK never do."),
        ({"display_lots": 11}, "Show a 100th at least, all lots at most."),
        ({"side": "up"}, "Select a valid choice. up is not one of the available choices."),
        ({"key": "mine"}, "This form is broken: load the page again."),
    ],
)
def test_what_is_refused_is_explained_and_moves_nothing(
    market: Market, client_of: Callable[..., Client], wrong: dict[str, object], message: str
) -> None:
    before = market.rows()
    form = ticket(market, **wrong)
    answer = client_of(market.buyer).post("/orders", form, headers={"HX-Request": "true"})
    assert (answer.status_code, message in answer.text) == (422, True), answer.text
    assert market.rows() == before


def test_a_refused_order_still_shows_what_it_would_cost(
    market: Market, client_of: Callable[..., Client]
) -> None:
    form = ticket(market, quantity_lots=10_000)
    text = client_of(market.buyer).post("/orders", form, headers={"HX-Request": "true"}).text
    assert "Not enough: $10.00 is available." in text


def test_the_preview_counts_as_the_sequencer_does(market: Market, client_of: Callable[..., Client]) -> None:
    market.sell(1_900, 4)
    client = client_of(market.buyer)
    form = ticket(market, price_ticks=2_000)
    text = client.post("/ticket/preview", form, headers={"HX-Request": "true"}).text
    # 4 lots at 1,900 now with 1 % as fee, and 6 at 2,000 set aside for with 1 %: 7,676,000 + 12,120,000.
    for figure in (
        "$0.0076",
        "$0.000076",
        "$0.007676",
        "$0.01212",
        "$9.980204",
        "4 lots trade now, 6 lots rest",
    ):
        assert figure in text, text
    client.post("/orders", form)
    posted, held = wallet(market.buyer)
    assert (posted, held) == (FUNDS - 7_676_000, 12_120_000)


@pytest.mark.parametrize(("mode", "says_so"), [("test", True), ("live", False)])
def test_a_test_market_says_on_every_page_that_it_is_one(
    market: Market, client_of: Callable[..., Client], settings: Settings, mode: str, says_so: bool
) -> None:
    settings.MARKET_MODE = mode
    assert ("all money is paper" in client_of(market.buyer).get("/").text) is says_so


def test_documents_lead_to_each_other(client: Client) -> None:
    links = {
        link
        for name in DOCUMENTS
        for link in re.findall(r'href="([a-z.-]+)"', client.get(f"/docs/{name}").text)
    }
    assert {link: client.get(f"/docs/{link}").status_code for link in links} == dict.fromkeys(links, 200)
    assert {"errors", "glossary", "trading-rules"} <= links


def test_the_last_price_is_the_last_printed_and_others_on_the_tape_say_why_not(
    market: Market, client_of: Callable[..., Client]
) -> None:
    market.sell(1_000, 10)
    market.sell(1_300, 10)
    market.buy(1_000, 10)
    market.buy(1_300, 5, tif="IOC", only_providers=(market.seller.id,))
    page = client_of(market.buyer).get(f"/market/{market.instrument.symbol}").text
    assert '<small id="last-ticks">1,000 ticks</small>' in page
    assert page.count('<small class="mark">chosen provider</small>') == 1


def test_another_organisations_order_is_not_found(market: Market, client_of: Callable[..., Client]) -> None:
    placed = market.buy(1_000, 10)
    answer = client_of(market.seller).post(f"/orders/{placed.body['order_id']}/cancel", **HTML)
    assert (answer.status_code, "Nothing here" in answer.text) == (404, True)
    assert wallet(market.buyer) == (FUNDS, 10_100_000)


def test_a_viewer_may_look_but_not_trade(market: Market, client_of: Callable[..., Client]) -> None:
    client = client_of(market.buyer, Member.Role.VIEWER)
    assert client.get("/").status_code == 200
    answer = client.post("/orders", ticket(market), **HTML)
    assert (answer.status_code, "Not allowed" in answer.text) == (403, True)
    asked = client.post("/playground/stream", {"model": "any", "prompt": "hello", "max_tokens": 5})
    assert (asked.status_code, asked.json()["message"].startswith("You may only look")) == (403, True)
    assert not Order.objects.filter(organisation=market.buyer).exists()


@pytest.mark.parametrize(
    "path", ["/market/nothing", "/receipts/job_nothing", "/activity?show=all", "/nothing"]
)
def test_what_does_not_exist_is_a_page_that_says_so(
    market: Market, client_of: Callable[..., Client], path: str
) -> None:
    answer = client_of(market.buyer).get(path, **HTML)
    assert (answer.status_code, "Nothing here" in answer.text) == (404, True)


def test_activity_goes_on_where_the_page_before_ended(
    market: Market, client_of: Callable[..., Client]
) -> None:
    for price in range(1_001, 1_031):
        market.buy(price, 1)
    client = client_of(market.buyer)
    first = client.get("/activity").context["activity"]
    second = client.get(f"/activity?before={first.older}").context["activity"]
    prices = [row.order.price_ticks for row in [*first.rows, *second.rows]]
    assert (len(first.rows), prices, second.older) == (25, list(range(1_030, 1_000, -1)), None)


def test_activity_shows_limit_and_average_in_the_same_unit(
    market: Market, client_of: Callable[..., Client]
) -> None:
    market.sell(2_000, 3)
    market.buy(2_500, 3)
    market.buy(1_000, 1)
    page = client_of(market.buyer).get("/activity")
    rows = [(row.usd_per_cu, row.average_usd_per_cu) for row in page.context["activity"].rows]
    assert rows == [("$10.00", None), ("$25.00", "$20.00")]
    assert ("Average per lot" in page.text, page.text.count("/ CU</th>")) == (False, 2)


def test_money_lines_are_told_in_peoples_words(market: Market, client_of: Callable[..., Client]) -> None:
    market.sell(2_000, 3)
    market.buy(2_500, 3)
    rows = client_of(market.buyer).get("/activity?show=money").text
    for said in ("compute traded", "arrived in the wallet", "on its way", "set aside for compute", "−$0.006"):
        assert said in rows, said
    for jargon in ("fund</td>", "transit", ">-$"):
        assert jargon not in rows, jargon


# -- receipts


@pytest.fixture
def settled(db: None, tmp_path: Path) -> tuple[Scene, str]:
    """Return a scene with one settled job, and the job's id."""
    scene, now = make_scene(tmp_path), utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    job_settle(job_id=job.id, now=now)
    return scene, public_id("job", job.id)


def test_a_receipt_is_shown_and_given_out_as_it_was_signed(
    settled: tuple[Scene, str], client_of: Callable[..., Client]
) -> None:
    scene, job_id = settled
    client = client_of(scene.buyer)
    shown = client.get(f"/receipts/{job_id}")
    assert "both signatures verify" in shown.text
    document = client.get(f"/receipts/{job_id}.json").content
    assert shown.context["page"].raw.encode() == document


@pytest.mark.parametrize("ending", ["", ".json"])
def test_another_organisations_receipt_is_not_found(
    settled: tuple[Scene, str], client_of: Callable[..., Client], ending: str
) -> None:
    scene, job_id = settled
    for other in (builders.organisation("other"), scene.agents[0].provider.organisation):
        assert client_of(other).get(f"/receipts/{job_id}{ending}", **HTML).status_code == 404


def test_the_provider_page_is_for_providers(
    settled: tuple[Scene, str], client_of: Callable[..., Client]
) -> None:
    scene, _ = settled
    page = client_of(scene.agents[0].provider.organisation).get("/provider").context["page"]
    assert (page.status, len(page.leases), page.balance.earnings) == ("ready", 1, 18_000)
    assert client_of(scene.buyer).get("/provider", **HTML).status_code == 404


# -- signing in


def test_a_wrong_password_and_an_unknown_name_are_told_alike(db: None) -> None:
    name = unique("somebody")
    member_create(organisation_id=builders.organisation().id, username=name, password=PASSWORD)
    answers = [
        Client().post("/login", {"username": tried, "password": "wrong"})
        for tried in (name, unique("nobody"))
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    errors = [answer.context["form"].non_field_errors() for answer in answers]
    assert errors[0] == errors[1] == ["That name and password do not go together. Check both and try again."]


def test_guessing_is_stopped_even_for_the_right_password(db: None) -> None:
    name = unique("guessed")
    member_create(organisation_id=builders.organisation().id, username=name, password=PASSWORD)
    for _ in range(LIMIT):
        assert Client().post("/login", {"username": name, "password": "wrong"}).status_code == 422
    stopped = Client().post("/login", {"username": name, "password": PASSWORD})
    assert (stopped.status_code, "sessionid" in stopped.cookies) == (429, False)
    assert 0 < int(stopped["Retry-After"]) <= PERIOD.total_seconds()
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.post("/login", {"username": name, "password": PASSWORD}).status_code == 302


def test_one_address_cannot_try_a_password_on_every_name(db: None) -> None:
    now = utc_now()
    for n in range(ADDRESS_LIMIT):
        login_attempt_take(username=f"name-{n}", address="192.0.2.9", now=now)
    with pytest.raises(CuxError) as refused:
        login_attempt_take(username="one more", address="192.0.2.9", now=now)
    assert refused.value.code is Code.RATE_LIMITED
    login_attempt_take(username="one more", address="192.0.2.10", now=now)


@pytest.mark.parametrize(("proxies", "status"), [(["192.0.2.11"], 422), ([], 429)])
def test_behind_a_trusted_proxy_attempts_count_for_the_address_that_it_names(
    db: None, settings: Settings, proxies: list[str], status: int
) -> None:
    settings.TRUSTED_PROXIES = parse_networks(proxies)
    body = {"username": unique("guessed"), "password": "wrong"}
    for _ in range(LIMIT + 1):
        guessed = Client(REMOTE_ADDR="192.0.2.11").post(
            "/login", body, headers={"X-Forwarded-For": "x, 192.0.2.12"}
        )
    assert guessed.status_code == 429
    other = Client(REMOTE_ADDR="192.0.2.11").post(
        "/login", body, headers={"X-Forwarded-For": "192.0.2.12, 192.0.2.13"}
    )
    assert other.status_code == status


def test_attempts_are_counted_anew_after_the_period_and_after_success(db: None) -> None:
    who = {"username": unique("late"), "address": "192.0.2.1"}
    now = utc_now()
    for _ in range(LIMIT):
        login_attempt_take(**who, now=now)
    with pytest.raises(CuxError) as refused:
        login_attempt_take(**who, now=now + PERIOD - timedelta(seconds=1))
    assert (refused.value.code, refused.value.retry_after_s) == (Code.RATE_LIMITED, 1)
    login_attempt_take(**who, now=now + PERIOD)
    login_attempts_forget(**who)
    counted = LoginAttempts.objects.count()
    login_attempt_take(**who, now=now + PERIOD)
    assert LoginAttempts.objects.count() == counted + 1
