"""Money on the pages, in a real browser, with the pages of Stripe's double: in by card, out to the bank."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import pyotp
import pytest
from django.conf import settings
from django.test import override_settings
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader
from pytest_django.plugin import DjangoDbBlocker

from core.money import NANO_PER_USD
from tests.e2e.browser import (
    Logins,
    check_accessible,
    check_layout,
    chromium,
    open_page,
    screenshot,
)
from tests.e2e.money_scene import earning_provider, person, worker
from tests.e2e.web_scene import PASSWORD, Scene, make_scene
from tests.integration.api.conftest import web_process
from tests.sequencer_process import sequencer
from tests.stripe import StripeDouble, running_double
from tests.waiting import eventually

pytestmark = pytest.mark.browser
WIDE, NARROW = 1280, 360
LOOKS: Final[tuple[tuple[int, Literal["light", "dark"]], ...]] = ((WIDE, "light"), (NARROW, "dark"))
DECLINED_LATER = "4000 0000 0000 0341"


@pytest.fixture(scope="module")
def double(servers: None) -> Iterator[StripeDouble]:
    """Run a double of Stripe with money of ours."""
    with running_double() as double, override_settings(STRIPE_API_BASE=double.url):
        double.control("top_up/platform", amount=1_000_00)
        yield double


@pytest.fixture(scope="module")
def scene(double: StripeDouble, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    """Run the exchange with a seeded market, Stripe's double and a worker for money."""
    with sequencer(), web_process(STRIPE_API_BASE=double.url) as url, django_db_blocker.unblock():
        double.endpoint(f"{url}/webhooks/stripe", settings.STRIPE_WEBHOOK_SECRETS[0])
        scene = make_scene(url, "money.cpu")
        with worker():
            yield scene


@pytest.fixture(scope="module")
def browser(scene: Scene) -> Iterator[Browser]:
    """Run a browser, after the seeding."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def logins(scene: Scene, browser: Browser) -> Logins:
    """Return sessions by name."""
    return Logins(browser, scene.url, PASSWORD)


def look(page: Page, name: str) -> None:
    """Nothing overflows, nothing is inaccessible, wide in the light and narrow in the dark; keep pictures."""
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        check_layout(page)
        check_accessible(page)
        screenshot(page, f"{name}-{width}")
    page.set_viewport_size({"width": WIDE, "height": 900})
    page.emulate_media(color_scheme="light")


def enter_card(page: Page, number: str, button: str) -> None:
    """Enter a card on the double's page."""
    page.get_by_label("Card number").fill(number)
    page.get_by_role("button", name=button).click()


def pay_in(page: Page, amount: str) -> None:
    """Pay in on the card page and wait until the money is in the balance."""
    page.goto("/wallet")
    page.get_by_role("link", name="Deposit", exact=True).first.click()
    page.get_by_label("Amount").fill(amount)
    page.get_by_label("Pay with").select_option("page")
    expect(page.locator("#quote")).to_contain_text(f"The card pays${amount}")
    page.get_by_role("button", name="Pay").click()
    enter_card(page, "4242 4242 4242 4242", "Pay")
    expect(page.locator("#deposit")).to_contain_text("The money is in your balance")


def test_money_comes_by_card_is_spent_and_the_rest_goes_back(
    scene: Scene, browser: Browser, logins: Logins
) -> None:
    lovelace = person("lovelace")
    with open_page(browser, scene.url, WIDE, **logins(lovelace.login)) as page:
        page.goto("/wallet")
        expect(page.locator("[data-spendable]")).to_have_text("$0.00")
        look(page, "wallet-empty")
        page.goto("/wallet/deposit")
        look(page, "deposit-form")
        pay_in(page, "100.00")
        look(page, "deposit-done")
        page.goto("/wallet")
        expect(page.locator("[data-spendable]")).to_have_text("$100.00")

        page.goto(f"/market/{scene.symbol}")
        expect(page.locator("#live")).to_have_text("Live")
        page.get_by_label("Quantity").fill("50")
        page.get_by_label("Limit price").fill("2100")
        page.get_by_role("button", name="Place buy order").click()
        expect(page.locator("#ticket .success")).to_contain_text("Filled")

        page.goto("/wallet/refund")
        spendable = page.get_by_label("Amount").input_value()
        assert 99 < float(spendable) < 100
        expect(page.locator("#refund-preview")).to_contain_text("Card fee")
        page.get_by_label("Amount").fill("40.00")
        expect(page.locator("#refund-preview")).to_contain_text("Leaves your wallet$40.00")
        expect(page.locator("#refund-preview")).to_contain_text("Reaches your card$38.72")
        look(page, "refund-form")
        page.get_by_label("Amount").fill(spendable)
        page.get_by_role("button", name="Refund").click()
        expect(page.get_by_role("status").filter(has_text="on its way back")).to_be_visible()
        expect(page.locator("[data-spendable]")).to_have_text("$0.00")
        expect(page.locator(".badge.succeeded", has_text="sent to the card")).to_have_count(1)
        look(page, "wallet")
        page.goto("/wallet/statement")
        expect(page.locator("tbody tr").first).to_contain_text("$")
        look(page, "statement")
        page.goto("/activity?show=money")
        look(page, "activity-money")


def test_the_balance_follows_by_itself_while_one_looks(
    scene: Scene, browser: Browser, logins: Logins, double: StripeDouble
) -> None:
    watcher = person("watcher")
    with (
        open_page(browser, scene.url, WIDE, **logins(watcher.login)) as page,
        open_page(browser, scene.url, WIDE, **logins(watcher.login)) as other,
    ):
        page.goto("/wallet")
        pay_in(other, "25.00")
        expect(page.locator("[data-spendable]")).to_have_text("$25.00")


def test_a_declined_card_says_why_and_another_can_be_used(
    scene: Scene, browser: Browser, logins: Logins
) -> None:
    babbage = person("babbage")
    with open_page(browser, scene.url, WIDE, **logins(babbage.login)) as page:
        page.goto("/wallet/cards")
        look(page, "cards-empty")
        page.get_by_role("button", name="Add a card").click()
        enter_card(page, DECLINED_LATER, "Save card")
        expect(page.locator(".items")).to_contain_text("Visa ending in 0341")
        page.get_by_label("At most in a month").fill("500.00")
        page.get_by_role("button", name="Switch on").click()
        expect(page.get_by_role("status").filter(has_text="The automatic top-up is on.")).to_be_visible()
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_role("status").filter(has_text="The automatic top-up is off.")).to_be_visible()
        look(page, "cards")
        page.goto("/wallet/deposit")
        page.get_by_role("button", name="Pay").click()
        expect(page.get_by_role("alert")).to_contain_text("Your card was declined.")
        look(page, "deposit-declined")
        page.get_by_label("Pay with").select_option("page")
        page.get_by_role("button", name="Pay").click()
        enter_card(page, "4000 0000 0000 0002", "Pay")
        expect(page.get_by_role("alert")).to_contain_text("Your card was declined.")
        enter_card(page, "4242 4242 4242 4242", "Pay")
        expect(page.locator("#deposit")).to_contain_text("The money is in your balance")
        page.goto("/wallet")
        expect(page.locator(".badge.failed")).to_have_text("declined")


def test_an_invoice_with_tax_is_made_out_and_downloaded(
    scene: Scene, browser: Browser, logins: Logins
) -> None:
    noether = person("noether")
    with open_page(browser, scene.url, WIDE, **logins(noether.login)) as page:
        page.goto("/documents/profile")
        page.get_by_label("Name", exact=True).fill("Noether Rings GmbH")
        page.get_by_role("textbox", name="Address").fill("Hauptstraße 1\n10115 Berlin")
        page.get_by_label("Country").select_option(label="Germany")
        page.get_by_label("VAT id").fill("FR1")
        page.get_by_label("E-mail").fill("emmy@example.com")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".problem")).to_have_text("No VAT id of DE looks like that.")
        look(page, "profile")
        page.get_by_label("VAT id").fill("")
        page.get_by_role("button", name="Save").click()
        page.goto("/wallet/deposit")
        expect(page.locator("#quote")).to_contain_text("The card pays$119.00")
        page.get_by_role("button", name="Pay").click()
        enter_card(page, "4242 4242 4242 4242", "Pay")
        expect(page.locator("#deposit")).to_contain_text("The money is in your balance")
        page.goto("/documents")
        look(page, "documents")
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile(r"INV-\d{4}-\d{6} as PDF")).click()
        text = PdfReader(download.value.path()).pages[0].extract_text()
        for part in ("Invoice", "INV-", "Noether Rings GmbH", "10115 Berlin", "$119.00", "19 %", "Visa"):
            assert part.lower() in text.lower(), text


def code_of(secret: str, steps: int) -> str:
    """Return the code that an authenticator will show in so many half minutes."""
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


def wait_until_paid(page: Page) -> None:
    """Load the page until the payout has arrived: the double's webhook says so."""

    def is_paid() -> bool:
        page.reload()
        return page.locator("tbody .badge.paid").count() == 1

    eventually(is_paid, within_s=20)


def test_a_provider_sets_up_a_second_factor_and_a_bank_and_is_paid(
    scene: Scene, browser: Browser, logins: Logins, double: StripeDouble
) -> None:
    hopper = earning_provider("hopper", 42 * NANO_PER_USD)
    with open_page(browser, scene.url, WIDE, **logins(hopper.login)) as page:
        page.goto("/payouts")
        look(page, "payouts-empty")
        page.get_by_role("link", name="Set one up").click()
        expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
        look(page, "account")
        page.get_by_role("button", name="Set up").click()
        secret = page.locator(".secret").inner_text().replace(" ", "")
        assert page.locator(".qr").evaluate("picture => picture.naturalWidth") > 100
        look(page, "second-factor")
        page.get_by_label("Code of your authenticator").fill(code_of(secret, 0))
        page.get_by_role("button", name="Confirm").click()
        recovery = page.locator(".codes code").all_inner_texts()
        assert len(recovery) == 8
        look(page, "recovery-codes")

        page.goto("/payouts")
        page.get_by_label("Country of your bank").select_option(label="United States")
        page.get_by_label("Code of your authenticator").fill("000000")
        page.get_by_role("button", name="To the payment service").click()
        expect(page.locator(".problem")).to_contain_text("That code is not right")
        look(page, "payouts-wrong-code")
        page.get_by_label("Code of your authenticator").fill(code_of(secret, 1))
        page.get_by_role("button", name="To the payment service").click()
        page.get_by_label("Name or company").fill("Grace Hopper")
        page.get_by_role("button", name="Agree and submit").click()
        expect(page.locator(".badge.active")).to_have_text("active")
        expect(page.locator("[data-payable]")).to_have_text("$42.00")
        look(page, "payouts-ready")

        page.get_by_label("Amount").fill("40.00")
        now = page.get_by_role("region", name="Pay out now")
        now.get_by_label("Code of your authenticator").fill(recovery[0])
        page.get_by_role("button", name="Pay out").click()
        expect(page.get_by_role("status").filter(has_text="$40.00 is on its way")).to_be_visible()
        expect(page.locator("[data-payable]")).to_have_text("$2.00")
        double.advance(3 * 86_400)
        wait_until_paid(page)
        look(page, "payouts")
        page.goto("/provider")
        look(page, "provider-money")


def test_webhooks_usage_and_budgets(scene: Scene, browser: Browser, logins: Logins) -> None:
    with open_page(browser, scene.url, WIDE, **logins(scene.ada.login)) as page:
        page.goto("/account/webhooks")
        page.get_by_label("Address").fill("https://example.com/hook")
        page.get_by_label("deposit.succeeded").check()
        look(page, "webhook-form")
        page.get_by_role("button", name="Add").click()
        expect(page.locator(".secret")).to_contain_text("whsec_")
        look(page, "webhook-made")
        page.get_by_role("link", name="I have kept it").click()
        expect(page.locator(".items")).to_contain_text("https://example.com/hook")
        look(page, "account-webhooks")
        page.goto("/wallet/usage")
        page.get_by_label("Jobs may cost at most").fill("5")
        page.get_by_role("button", name="Set budget").click()
        expect(page.locator(".items")).to_contain_text("$5.00 a day for all jobs")
        look(page, "usage")


def test_a_key_is_made_used_and_revoked(scene: Scene, browser: Browser, logins: Logins) -> None:
    turing = person("turing")
    with open_page(browser, scene.url, WIDE, **logins(turing.login)) as page:
        page.goto("/account")
        page.get_by_role("navigation", name="Account").get_by_role("link", name="API keys").click()
        expect(page.get_by_role("heading", name="API keys", exact=True)).to_be_visible()
        look(page, "keys-empty")
        page.get_by_role("link", name="New key").click()
        page.get_by_label("Name").fill("night batch")
        page.get_by_label("read:").check()
        page.get_by_label("From these addresses only").fill("127.0.0.0/33")
        page.get_by_role("button", name="Make the key").click()
        expect(page.locator(".problem")).to_contain_text("127.0.0.0/33")
        look(page, "key-form")
        page.get_by_label("From these addresses only").fill("127.0.0.0/8")
        page.get_by_role("button", name="Make the key").click()
        secret = page.locator(".secret").inner_text()
        look(page, "key-made")
        page.get_by_role("link", name="I have kept it").click()
        key = page.locator(".items li", has_text="night batch")
        expect(key).to_contain_text("never used")

        def asked() -> int:
            answer = page.request.get("/v1/balances", headers={"Authorization": f"Bearer {secret}"})
            return answer.status

        assert asked() == 200
        page.reload()
        expect(key).to_contain_text("last used")
        key.get_by_text("Revoke", exact=True).click()
        look(page, "keys")
        key.get_by_role("button", name="for good").click()
        expect(page.get_by_role("status")).to_contain_text("refused everywhere")
        eventually(lambda: asked() == 401, within_s=3)
        look(page, "keys-ended")
