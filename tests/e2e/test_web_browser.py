"""The pages in a real browser, on a real web server, sequencer and database."""

import re
import zlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.plugin import DjangoDbBlocker

from core.clock import utc_now
from core.ids import new_id
from exchange.models import Trade
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetPhase, StartAuction
from exchange.services.trade_bust import bust_announce, bust_approve, bust_request
from inference.services.job_settle import job_settle
from tests.e2e.browser import (
    WIDTHS,
    Logins,
    check_accessible,
    check_layout,
    chromium,
    open_page,
    screenshot,
    sign_in,
)
from tests.e2e.web_lab import ANSWER, Lab, in_thread, make_lab
from tests.e2e.web_scene import PASSWORD, Scene, make_scene
from tests.integration.api.conftest import web_process
from tests.sequencer_process import sequencer

pytestmark = pytest.mark.browser

both_widths = pytest.mark.parametrize("width", list(WIDTHS))


@pytest.fixture(scope="module")
def scene(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    """Run the exchange with a seeded market."""
    with sequencer(), web_process() as url, django_db_blocker.unblock():
        yield make_scene(url)


@pytest.fixture(scope="module")
def browser(scene: Scene) -> Iterator[Browser]:
    """Run a browser, after the seeding."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def logins(scene: Scene, browser: Browser) -> Logins:
    """Return sessions by name."""
    return Logins(browser, scene.url, PASSWORD)


@pytest.fixture(scope="module")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Return a buyer with compute, and its provider."""
    directory = tmp_path_factory.mktemp("model")
    return in_thread(lambda: make_lab(directory))


def open_market(page: Page, scene: Scene) -> None:
    """Go to the scene's market and wait until it is live."""
    page.goto(f"/market/{scene.symbol}")
    expect(page.locator("#live")).to_have_text("Live")


def check_page(page: Page, name: str, width: int) -> None:
    """Nothing overflows, nothing is inaccessible; keep a picture."""
    check_layout(page)
    check_accessible(page)
    screenshot(page, f"{name}-{width}")


@both_widths
def test_anybody_sees_the_book_change_when_an_order_is_placed_by_api(
    scene: Scene, browser: Browser, width: int
) -> None:
    price = {360: 2_002, 1440: 2_003}[width]
    with open_page(browser, scene.url, width) as page:
        open_market(page, scene)
        expect(page.locator("#asks tr[data-price]")).to_have_count(12)
        expect(page.locator("#bids tr[data-price]")).to_have_count(12)
        lots = page.locator(f'#asks tr[data-price="{price}"] td').nth(2)
        expect(lots).to_have_count(0)
        scene.southgrid.order(scene.url, scene.symbol, "sell", 7, price)
        expect(lots).to_have_text("7")
        scene.northwind.order(scene.url, scene.symbol, "sell", 5, price)
        expect(lots).to_have_text("12")
        volume = int(page.locator("#volume").inner_text().replace(",", ""))
        scene.grace.order(scene.url, scene.symbol, "buy", 12, price)
        expect(lots).to_have_count(0)
        expect(page.locator("#tape tr").first).to_contain_text(f"{price:,}")
        expect(page.locator("#volume")).to_have_text(f"{volume + 12:,}")
        expect(page.get_by_role("link", name="Sign in to trade")).to_be_visible()
        check_page(page, "market-anonymous", width)


@both_widths
def test_prices_are_drawn_and_follow_the_trades(scene: Scene, browser: Browser, width: int) -> None:
    with open_page(browser, scene.url, width) as page:
        open_market(page, scene)
        newest = page.locator("#candles-table tr").first.locator("td")
        lots = page.get_by_text("Prices as a table")
        lots.click()
        expect(newest).to_have_count(6)
        before = int((newest.nth(5).text_content() or "").replace(",", ""))
        placed = scene.southgrid.order(scene.url, scene.symbol, "sell", 9, 2_001)
        scene.grace.order(scene.url, scene.symbol, "buy", 9, 2_001)
        assert placed["status"] == "open"
        # The price may have been that before; nine lots more are new. The minute may have turned meanwhile.
        expect(newest.nth(5)).to_have_text(re.compile(f"^({before + 9:,}|9)$"))
        expect(newest.nth(4)).to_have_text("$20.01")
        crc = "text => import('/static/js/livebook.js').then(code => code.crc32(text))"
        assert page.evaluate(crc, "bid:1990:5,ask:2000:3,") == zlib.crc32(b"bid:1990:5,ask:2000:3,")
        pixels = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(Boolean)"
        assert page.locator("#candles").evaluate(pixels)
        page.get_by_role("button", name="1d").click()
        expect(page.get_by_role("button", name="1d")).to_have_attribute("aria-pressed", "true")
        days = page.locator("#candles-table tr")
        expect(days.first.locator("time")).to_have_attribute("datetime", re.compile("T00:00:00"))
        expect(days.first.locator("td").nth(4)).to_have_text("$20.01")
        assert days.count() in (1, 2)  # two if midnight came between
        check_page(page, "candles", width)


def bust_last_trade(symbol: str) -> None:
    """Have two operators undo the market's last trade, and the streams told."""
    trade_id = Trade.objects.filter(instrument__symbol=symbol).latest("sequence").id
    bust_request(trade_id=trade_id, requested_by="one", reason="typing error", now=utc_now())
    bust_approve(trade_id=trade_id, approved_by="another", now=utc_now())
    bust_announce(trade_id=trade_id)


def test_a_trade_that_was_undone_is_struck_through(scene: Scene, browser: Browser) -> None:
    with open_page(browser, scene.url, 1440) as page:
        open_market(page, scene)
        volume = page.locator("#volume").inner_text()
        scene.southgrid.order(scene.url, scene.symbol, "sell", 3, 2_001)
        scene.grace.order(scene.url, scene.symbol, "buy", 3, 2_001)
        expect(page.locator("#volume")).not_to_have_text(volume)
        expect(page.locator("#tape .busted")).to_have_count(0)
        in_thread(lambda: bust_last_trade(scene.symbol))
        expect(page.locator("#tape .busted")).to_have_count(1)
        expect(page.locator("#tape tr").first).to_have_class(re.compile("busted"))
        expect(page.locator("#volume")).to_have_text(volume)


def start_auction(symbol: str) -> None:
    """Start a call auction that takes ten minutes."""
    command = StartAuction(
        instrument=symbol,
        auction_id=new_id(),
        kind="scheduled",
        input_s=600,
        no_cancel_s=0,
        random_close_s=0,
        then_phase="continuous",
    )
    assert submit_sync(command).status < 300


@both_widths
def test_an_auction_is_shown_with_its_indicators_until_it_is_over(
    scene: Scene, browser: Browser, width: int
) -> None:
    symbol = scene.symbol.replace("spot", "idle")
    with open_page(browser, scene.url, width) as page:
        page.goto(f"/market/{symbol}")
        expect(page.locator("#live")).to_have_text("Live")
        expect(page.locator("#auction")).to_be_hidden()
        start_auction(symbol)
        expect(page.locator("#phase")).to_have_text("Auction")
        expect(page.locator("#auction-price")).to_have_text("–")
        scene.northwind.order(scene.url, symbol, "sell", 7, 1_000)
        scene.grace.order(scene.url, symbol, "buy", 10, 1_100)
        expect(page.locator("#auction-volume")).to_have_text("7")
        expect(page.locator("#auction-surplus")).to_have_text("3 lots more ▲ bid")
        expect(page.locator("#auction-left")).to_have_text(re.compile(r"(9:\d\d|10:00)"))
        expect(page.locator("#book-spread")).to_have_text("No spread")
        check_page(page, "auction", width)
        page.reload()
        expect(page.locator("#auction-price")).to_have_text("$11.00")
        for party in (scene.northwind, scene.grace):
            party.cancel_all(scene.url, symbol)
        expect(page.locator("#auction-price")).to_have_text("–")
        for phase in ("halted", "continuous"):
            assert submit_sync(SetPhase(symbol, phase)).status == 200
        expect(page.locator("#auction")).to_be_hidden()


def test_the_book_can_be_read_without_javascript(scene: Scene, browser: Browser) -> None:
    with open_page(browser, scene.url, 360, java_script_enabled=False) as page:
        page.goto(f"/market/{scene.symbol}")
        expect(page.locator("#asks tr[data-price]")).to_have_count(12)
        assert page.locator("#tape tr").count() >= 9
        sign_in(page, scene.ada.login, PASSWORD)
        page.goto(f"/market/{scene.symbol}")
        page.locator("#bids a.price").first.click()
        best = page.locator("#bids tr").first.get_attribute("data-price")
        expect(page.get_by_label("Limit price")).to_have_value(best or "")
        page.get_by_role("button", name="Place buy order").click()
        expect(page.get_by_role("status").filter(has_text="Order open.")).to_be_visible()


@both_widths
def test_an_order_from_the_ticket_shows_up_and_can_be_cancelled(
    scene: Scene, browser: Browser, logins: Logins, width: int
) -> None:
    with open_page(browser, scene.url, width, **logins(scene.ada.login)) as page:
        open_market(page, scene)
        page.locator('#asks tr[data-price="2010"] .price').click()
        expect(page.get_by_label("Limit price")).to_have_value("2010")
        page.get_by_label("Limit price").fill("1,900")
        page.get_by_label("Quantity").fill("30")
        page.get_by_label("Quantity").press("ArrowUp")
        expect(page.locator("#quantity_hint")).to_contain_text("= 0.0031 CU")
        expect(page.locator("#price_hint")).to_contain_text("= $19.00 / CU")
        # 31 lots at 1,900 ticks of 1,000 nano-USD; the hold counts the 1 % of a taker.
        expect(page.locator("#preview")).to_contain_text("Set aside for the rest$0.059489")
        page.get_by_role("button", name="Place buy order").click()
        expect(page.locator("#ticket .success")).to_contain_text("Resting in the book")
        row = page.locator("#orders tr", has_text="31 / 31")
        expect(row).to_have_count(1)
        check_page(page, "market", width)
        screenshot(page, f"market-window-{width}", full=False)
        row.get_by_role("button").click()
        expect(row).to_have_count(0)


def test_a_form_sent_twice_is_one_order(scene: Scene, browser: Browser, logins: Logins) -> None:
    with open_page(browser, scene.url, 1440, **logins(scene.hopper.login)) as page:
        open_market(page, scene)
        page.get_by_label("Quantity").fill("17")
        page.get_by_label("Limit price").fill("1801")
        send = """async () => {
            const form = document.querySelector("form.order");
            const post = () => fetch(form.action, {method: "POST", body: new FormData(form)});
            await Promise.all([post(), post()]);
        }"""
        page.evaluate(send)
        page.reload()
        expect(page.locator("#orders tr", has_text="17 / 17")).to_have_count(1)
        page.get_by_role("button", name="Cancel all").click()
        expect(page.locator("#orders")).to_contain_text("No open orders")


NOT_LOTS = "Enter a whole number of lots, such as 25."
BAD_INPUT = [
    ("some", "1900", "quantity_lots", NOT_LOTS),
    ("0", "1900", "quantity_lots", NOT_LOTS),
    ("5", "", "price_ticks", "A limit order needs a price in ticks."),
    ("5", "19.5", "price_ticks", "Enter a whole number of ticks, such as 25."),
    ("5", "50000", "price_ticks", "The price must be 200 to 20000 ticks now."),
    ("9" * 22, "1900", "quantity_lots", "This number is too large."),
]


def test_bad_input_is_explained_next_to_its_field(scene: Scene, browser: Browser, logins: Logins) -> None:
    with open_page(browser, scene.url, 360, **logins(scene.hopper.login)) as page:
        open_market(page, scene)
        for quantity, price, field, message in BAD_INPUT:
            page.get_by_label("Quantity").fill(quantity)
            page.get_by_label("Limit price").fill(price)
            page.locator("form.order").evaluate("form => form.dataset.sent = 'yes'")
            page.get_by_role("button", name="Place buy order").click()
            expect(page.locator("form.order[data-sent]")).to_have_count(0)  # the answer has replaced it
            expect(page.locator(".field .problem")).to_have_text([message])
            expect(page.locator(f".field:has(#{field}) .problem")).to_have_text(message)
            expect(page.locator(f"#{field}")).to_have_value(quantity if field == "quantity_lots" else price)
        expect(page.locator("#orders")).to_contain_text("No open orders")
        check_accessible(page)


def test_too_little_money_says_what_to_do(scene: Scene, browser: Browser, logins: Logins) -> None:
    with open_page(browser, scene.url, 1440, **logins(scene.ada.login)) as page:
        open_market(page, scene)
        page.get_by_label("Quantity").fill("900000")
        page.get_by_label("Limit price").fill("20000")
        expect(page.locator("#preview .problem")).to_contain_text("Not enough")
        page.get_by_role("button", name="Place buy order").click()
        expect(page.locator("#ticket .error")).to_contain_text("nothing moved")
        expect(page.locator("#ticket .error")).to_contain_text("Lower the quantity or the price")
        check_page(page, "ticket-refused", 1440)


@both_widths
def test_a_wrong_password_is_refused_without_saying_what_was_wrong(
    scene: Scene, browser: Browser, width: int
) -> None:
    with open_page(browser, scene.url, width) as page:
        page.goto("/login")
        check_page(page, "login", width)
        page.get_by_label("Name").fill(scene.southgrid.login)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert").first).to_have_text(
            "That name and password do not go together. Check both and try again."
        )
        check_page(page, "login-wrong", width)


@both_widths
def test_the_dark_theme_is_readable(scene: Scene, browser: Browser, logins: Logins, width: int) -> None:
    with open_page(browser, scene.url, width, color_scheme="dark", **logins(scene.ada.login)) as page:
        open_market(page, scene)
        check_page(page, "market-dark", width)


@both_widths
def test_a_question_is_quoted_streamed_and_receipted(
    scene: Scene, browser: Browser, logins: Logins, lab: Lab, width: int
) -> None:
    with open_page(browser, scene.url, width, **logins(lab.buyer)) as page:
        page.goto("/playground")
        page.get_by_label("Model").select_option(lab.scene.model.name)
        page.get_by_label("Longest answer").fill("80")
        expect(page.locator("#quote")).to_contain_text("up to 80 out")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#answer-state")).to_have_text("Waiting for the provider…")
        job = in_thread(lab.deliver)
        expect(page.locator("#answer-text")).to_have_text(ANSWER)
        in_thread(lambda: job_settle(job_id=job.id, now=utc_now()))
        expect(page.locator("#answer-state")).to_have_text("Settled")
        expect(page.locator("#receipt")).to_contain_text("both signatures verify")
        expect(page.locator("#usage")).to_contain_text(f"54 in, {len(ANSWER) + 1} out")
        check_page(page, "playground", width)


def test_a_question_that_is_not_covered_says_what_to_do(
    scene: Scene, browser: Browser, logins: Logins, lab: Lab
) -> None:
    with open_page(browser, scene.url, 1440, **logins(scene.northwind.login)) as page:
        page.goto("/playground")
        page.get_by_label("Model").select_option(lab.scene.model.name)
        expect(page.locator("#quote .problem")).to_contain_text("Your compute does not cover this.")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#answer-error")).to_contain_text(
            "no provider that can serve it owes you as much"
        )
        expect(page.locator("#answer-error")).to_contain_text("bid for it. Then ask again.")
        market = f"/market/{lab.scene.instrument.symbol}"
        expect(page.locator("#answer-error a")).to_have_attribute("href", market)


@both_widths
def test_the_other_pages(scene: Scene, browser: Browser, logins: Logins, lab: Lab, width: int) -> None:
    with open_page(browser, scene.url, width, **logins(scene.ada.login)) as page:
        for name, path in (
            ("activity-orders", "/activity"),
            ("activity-money", "/activity?show=money"),
            ("docs", "/docs"),
            ("document", "/docs/trading-rules"),
            ("document-streams", "/docs/market-data"),
            ("missing", "/nothing-here"),
        ):
            page.goto(path)
            check_page(page, name, width)
    for login, name, path in (
        (lab.buyer, "activity-jobs", "/activity?show=jobs"),
        (lab.buyer, "receipt", f"/receipts/{lab.job_id}"),
        (lab.provider, "provider", "/provider"),
    ):
        with open_page(browser, scene.url, width, **logins(login)) as page:
            page.goto(path)
            check_page(page, name, width)
