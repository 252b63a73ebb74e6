"""The playground on the whole stack: a real model answers in the browser."""

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import WIDTHS, check_accessible, check_layout, chromium, open_page, screenshot, sign_in
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.vllm, pytest.mark.browser, pytest.mark.timeout(600)]

ANSWERED_WITHIN_MS = 120_000


@pytest.mark.parametrize("width", list(WIDTHS))
def test_buy_ask_and_read_the_receipt(stack: Stack, width: int) -> None:
    facts = json.loads((stack.place.var / "demo.json").read_text())
    buyer = facts["buyers"]["grace"]
    market = stack.market(lambda words: None)
    try:
        market.order("southgrid", "sell", 100, 2_500)
    finally:
        market.close()
    with chromium() as browser, open_page(browser, stack.place.url, width) as page:
        sign_in(page, buyer["login"], buyer["password"])
        page.goto(f"/market/{facts['instrument']}")
        page.get_by_label("Quantity").fill("100")
        page.get_by_label("Limit price").fill("2500")
        page.get_by_role("button", name="Place buy order").click()
        expect(page.locator("#ticket .success")).to_contain_text("Filled")
        page.goto("/playground")
        page.get_by_label("Longest answer").fill("48")
        expect(page.locator("#quote")).to_contain_text("up to 48 out")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#answer-state")).to_have_text("Settled", timeout=ANSWERED_WITHIN_MS)
        expect(page.locator("#answer-text")).to_contain_text("Paris")
        expect(page.locator("#receipt")).to_contain_text("both signatures verify")
        check_layout(page)
        check_accessible(page)
        screenshot(page, f"playground-stack-{width}")
