"""The leaderboard of compute efficiency in a real browser, without JavaScript."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, expect
from pytest_django.plugin import DjangoDbBlocker

from tests.e2e.browser import WIDTHS, check_accessible, check_layout, chromium, open_page, screenshot
from tests.integration.api.conftest import web_process
from tests.integration.inference.test_efficiency import publish, some_rows
from tests.sequencer_process import sequencer

pytestmark = pytest.mark.browser
COLUMNS = {"score": 2, "compute": 3, "value": 4}


@pytest.fixture(scope="module")
def url(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Run the exchange with its own results and one of somebody else's."""
    with sequencer(), web_process() as address, django_db_blocker.unblock():
        call_command("publish_efficiency", verbosity=0)
        publish(some_rows())
        yield address


@pytest.fixture(scope="module")
def browser(url: str) -> Iterator[Browser]:
    """Run a browser, after the results are there."""
    with chromium() as running:
        yield running


@pytest.mark.parametrize("width", list(WIDTHS))
def test_results_are_sorted_and_pictured_and_lead_to_their_rows(
    url: str, browser: Browser, width: int
) -> None:
    with open_page(browser, url, width, java_script_enabled=False) as page:
        page.goto("/")
        page.get_by_role("link", name="Efficiency", exact=True).click()
        rows = page.locator("tbody tr")
        most = rows.count()
        assert most >= 7
        expect(page.locator(".dot")).to_have_count(most)
        for order, column in COLUMNS.items():
            page.goto(f"/efficiency?sort={order}")
            figures = [
                float(text.split()[0].replace(",", ""))
                for text in page.locator(f"tbody tr td:nth-child({column + 1})").all_text_contents()
            ]
            assert figures == sorted(figures, reverse=order != "compute")
        page.get_by_role("link", name="How it is measured").click()
        expect(page.get_by_role("heading", name="Compute efficiency: methodology")).to_be_visible()
        page.goto("/efficiency")
        lines = page.request.get(page.locator("tbody tr a").first.get_attribute("href") or "").text()
        assert lines.startswith('{"question":')
        assert page.goto("/efficiency?sort=luck").status == 404  # type: ignore[union-attr]


@pytest.mark.parametrize("width", list(WIDTHS))
def test_the_leaderboard_fits_and_is_accessible(url: str, browser: Browser, width: int) -> None:
    with open_page(browser, url, width) as page:
        page.goto("/efficiency")
        expect(page.get_by_role("heading", name="Time to an answer, by difficulty")).to_be_visible()
        check_layout(page)
        check_accessible(page)
        screenshot(page, f"efficiency-{width}")
