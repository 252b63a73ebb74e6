"""The pages in a real browser, on a real web server, sequencer and database."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.plugin import DjangoDbBlocker

from tests.e2e.browser import WIDTHS, check_accessible, check_layout, chromium, open_page, screenshot, sign_in
from tests.e2e.web_scene import PASSWORD, Scene, make_scene
from tests.integration.api.conftest import web_process
from tests.sequencer_process import sequencer

pytestmark = pytest.mark.browser

both_widths = pytest.mark.parametrize("width", list(WIDTHS))


@pytest.fixture(scope="module")
def scene(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    """Run the exchange with a seeded market."""
    with sequencer(), web_process() as url:
        with django_db_blocker.unblock():
            made = make_scene(url)
        yield made


@pytest.fixture(scope="module")
def browser(scene: Scene) -> Iterator[Browser]:
    """Run a browser, after the seeding."""
    with chromium() as running:
        yield running


@both_widths
def test_market_shows_a_live_book_to_anybody(scene: Scene, browser: Browser, width: int) -> None:
    with open_page(browser, scene.url, width) as page:
        page.goto("/")
        expect(page.locator("#live")).to_have_text("Live")
        assert page.locator("#asks tr[data-price]").count() == 12
        check_layout(page)
        check_accessible(page)
        screenshot(page, f"market-anonymous-{width}")


@both_widths
def test_signed_in(scene: Scene, browser: Browser, width: int) -> None:
    with open_page(browser, scene.url, width) as page:
        sign_in(page, scene.ada.login, PASSWORD)
        expect(page.locator("#live")).to_have_text("Live")
        check_layout(page)
        check_accessible(page)
        screenshot(page, f"market-{width}")
