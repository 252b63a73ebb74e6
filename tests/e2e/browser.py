"""A real Chromium, and what must hold of every page in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.environment import ROOT

SCREENSHOTS = ROOT / "var" / "screenshots"
WIDTHS = {360: 780, 1440: 1000}
"""The widths in pixels that pages are looked at, each with a height."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium. As long as it runs, this thread must not use Django's ORM."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "the browser tests need chromium: ./scripts/install-browser"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser, url: str, width: int, **options: Any) -> Iterator[Page]:
    """Open an empty page in a context of its own; at the end there was no error and no CSP violation."""
    height = options.pop("height", WIDTHS.get(width, 1000))
    context = browser.new_context(base_url=url, viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(
        "addEventListener('securitypolicyviolation',"
        " event => console.error('CSP', event.violatedDirective, event.blockedURI))"
    )
    try:
        yield page
        expected = ("the server responded with a status of 4",)  # a refusal is logged by the browser
        unexpected = [error for error in errors if not any(words in error for words in expected)]
        assert not unexpected, f"the console says: {unexpected}"
    finally:
        context.close()


def check_layout(page: Page) -> None:
    """Nothing is wider than the window."""
    sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert sizes[0] <= sizes[1], f"{page.url} is {sizes[0]} px wide in a window of {sizes[1]} px"


def check_accessible(page: Page) -> None:
    """Axe finds nothing serious or critical, contrast included."""
    found = Axe().run(page).response["violations"]
    serious = [
        f"{one['id']} ({one['impact']}): {node['target']} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert serious == [], "\n".join(serious)


def screenshot(page: Page, name: str, *, full: bool = True) -> Path:
    """Keep a picture of the page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=full)
    return path


def sign_in(page: Page, name: str, password: str) -> None:
    """Sign in and arrive at the market."""
    page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


class Logins:
    """Sessions of people who signed in once, in the browser, for all tests that follow."""

    def __init__(self, browser: Browser, url: str, password: str) -> None:
        """Start with nobody signed in."""
        self._browser, self._url, self._password = browser, url, password
        self._known: dict[str, Any] = {}

    def __call__(self, name: str) -> dict[str, Any]:
        """Return the options with which a page opens signed in."""
        if name not in self._known:
            with open_page(self._browser, self._url, 1440) as page:
                sign_in(page, name, self._password)
                self._known[name] = page.context.storage_state()
        return {"storage_state": self._known[name]}
