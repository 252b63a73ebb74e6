"""A ladder in the playground: its plan before, its tranches as they happen, and their receipts after."""

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.plugin import DjangoDbBlocker

from accounts.services import member_create
from inference.models import Job
from tests.builders import unique
from tests.e2e.browser import WIDTHS, check_accessible, check_layout, chromium, open_page, screenshot, sign_in
from tests.e2e.web_lab import in_thread
from tests.e2e.web_scene import PASSWORD
from tests.integration.api.adaptive.scene import SURE, UNSURE, Answers, add_tiers, heartbeat, write_ladder
from tests.integration.api.conftest import relay_process, web_process
from tests.integration.inference.scene import Scene, make_scene
from tests.sequencer_process import sequencer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ladders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory from which the web process reads ladders."""
    return tmp_path_factory.mktemp("ladders")


@pytest.fixture(scope="module")
def urls(servers: None, ladders: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[str, str]]:
    """Run the exchange; return the addresses of web and relay."""
    with (
        sequencer(),
        relay_process() as relay_url,
        web_process(CUX_RELAY_URL=relay_url, CUX_LADDERS_DIRECTORY=str(ladders)) as web_url,
        django_db_blocker.unblock(),
    ):
        yield web_url, relay_url


@pytest.fixture(scope="module")
def browser(urls: tuple[str, str]) -> Iterator[Browser]:
    """Run a browser."""
    with chromium() as running:
        yield running


def laid_out(directory: Path, ladders: Path) -> tuple[Scene, str]:
    """Make a ladder of three models, and who holds compute of it and can sign in."""
    scene = make_scene(directory)
    add_tiers(scene)
    write_ladder(ladders, scene)
    login = unique("asker")
    member_create(organisation_id=scene.buyer.id, username=login, password=PASSWORD)
    return scene, login


def tranche(page: Page, number: int) -> str:
    """What the page says of a tranche."""
    return page.locator("#tranches li").nth(number).inner_text()


@pytest.mark.parametrize("width", list(WIDTHS))
def test_plan_tranches_and_receipts_of_a_question(
    urls: tuple[str, str], browser: Browser, ladders: Path, tmp_path: Path, width: int
) -> None:
    scene, login = in_thread(lambda: laid_out(tmp_path, ladders))
    answers = Answers(scene, urls[1])
    answers.go = SimpleQueue()
    with open_page(browser, urls[0], width) as page:
        sign_in(page, login, PASSWORD)
        page.goto("/playground")
        expect(page.get_by_label("Model")).to_have_value(scene.model.name)
        expect(page.locator(".plan")).to_have_count(0)
        page.get_by_label("Compute").select_option("auto")
        expect(page.get_by_label("A right answer is worth")).to_have_value("0.02")
        page.get_by_label("Compute").select_option("700000")
        expect(page.get_by_label("A right answer is worth")).to_be_hidden()
        expect(page.locator(".plan .chosen")).to_contain_text("direct-20")
        expect(page.locator(".plan tbody tr")).to_have_count(3)
        expect(page.locator(".plan .chosen")).to_contain_text("80 %")
        assert in_thread(lambda: Job.objects.filter(organisation=scene.buyer).count()) == 0
        check_layout(page)
        check_accessible(page)

        in_thread(lambda: heartbeat(scene))
        serving = answers.serve(UNSURE, f"~~~</think>{SURE}")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#tranches li")).to_have_count(1)
        assert tranche(page, 0).startswith("direct-20")
        expect(page.locator("#answer-text")).to_have_text("")
        answers.go.put(None)
        expect(page.locator("#tranches li")).to_have_count(2)
        expect(page.locator("#tranches li").nth(0)).to_contain_text("think-30 is released")
        expect(page.locator("#answer-text")).to_have_text("")
        answers.go.put(None)
        expect(page.locator("#answer-state")).to_have_text("Settled")
        serving.join(timeout=20)
        expect(page.locator("#answer-text")).to_have_text(SURE)
        expect(page.locator("#tranches li").nth(1)).to_contain_text("kept")
        expect(page.get_by_role("link", name="Receipt of tranche")).to_have_count(2)
        expect(page.locator("#receipt")).to_contain_text("both signatures verify")
        page.get_by_text("What it thought first").click()
        expect(page.locator("#answer-thought")).to_contain_text("~~~")
        jobs = in_thread(lambda: list(Job.objects.filter(organisation=scene.buyer).order_by("id")))
        used = sum(job.compute_ucu for job in jobs)
        expect(page.locator("#usage")).to_contain_text(
            f"{used:,} of {sum(job.quote_ucu for job in jobs):,} µCU"
        )
        check_layout(page)
        check_accessible(page)
        screenshot(page, f"ladder-{width}")
