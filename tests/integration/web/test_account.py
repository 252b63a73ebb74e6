"""One's account: the second factor from picture to removal, webhooks, budgets and usage."""

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import httpx
import pyotp
import pytest
from django.db import transaction
from django.test import Client

from accounts.models import Member, Organisation, SecondFactor, WebhookDelivery, WebhookEndpoint
from accounts.services import api_key_create
from accounts.services.webhook_emit import webhook_emit
from billing.models import Budget
from core.clock import utc_now
from core.ids import public_id
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests import builders
from tests.integration.api.conftest import web_process
from tests.integration.inference.scene import EOS, Scene, make_scene

ClientOf = Callable[..., Client]
KINDS = ("csv", "jsonl", "pdf")
HTML = {"HTTP_ACCEPT": "text/html"}


@pytest.fixture
def someone(db: None) -> Organisation:
    """Return an organisation of the test's own."""
    return builders.organisation("someone")


def code_of(secret: str, steps: int = 0) -> str:
    """Return the code that an authenticator shows, or showed some half minutes before or after."""
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


def test_a_second_factor_is_set_up_by_picture_or_text_and_removed_with_a_code(
    someone: Organisation, client_of: ClientOf
) -> None:
    client = client_of(someone)
    begun = client.post("/account/second-factor/begin")
    secret = begun.context["secret"].replace(" ", "")
    assert begun["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert unquote(begun.context["picture"]).startswith("data:image/svg+xml")
    wrong = client.post("/account/second-factor/confirm", {"code": "000000"})
    assert (wrong.status_code, "That code is not right" in wrong.text) == (422, True)
    confirmed = client.post("/account/second-factor/confirm", {"code": code_of(secret)})
    codes = re.findall(r"<li><code>(\w+)</code>", confirmed.text)
    assert (len(codes), len(set(codes))) == (8, 8)
    page = client.get("/account").text
    assert ("in use" in page, "8 recovery codes left" in page, codes[0] in page) == (True, True, False)
    again = client.post("/account/second-factor/begin", follow=True)
    assert "There is a second factor already." in again.text
    refused = client.post("/account/second-factor/remove", {"code": code_of(secret)})
    assert (refused.status_code, "was used already" in refused.text) == (422, True)
    assert client.post("/account/second-factor/remove", {"code": codes[0]}).status_code == 302
    assert not SecondFactor.objects.filter(user__memberships__organisation=someone).exists()


def test_too_many_wrong_codes_say_how_long_to_wait(someone: Organisation, client_of: ClientOf) -> None:
    client = client_of(someone)
    client.post("/account/second-factor/begin")
    for _ in range(5):
        client.post("/account/second-factor/confirm", {"code": "000000"})
    answer = client.post("/account/second-factor/confirm", {"code": "000000"})
    assert "Wait a quarter of an hour" in answer.text


def test_a_webhook_shows_its_secret_once_and_is_removed(someone: Organisation, client_of: ClientOf) -> None:
    client = client_of(someone)
    form = {"url": "https://example.com/hook", "types": ["deposit.succeeded"]}
    made = client.post("/account/webhooks", form)
    (secret,) = re.findall(r"whsec_[\w+/=]+", made.text)
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 24
    page = client.get("/account").text
    assert ("https://example.com/hook" in page, "whsec_" in page) == (True, False)
    (row,) = WebhookEndpoint.objects.filter(organisation=someone)
    with transaction.atomic():
        webhook_emit(
            organisation_id=someone.id, type="deposit.succeeded", event_id="e", data={}, now=utc_now()
        )
    (delivery,) = WebhookDelivery.objects.filter(endpoint=row)
    delivery.next_at, delivery.delivered_at = None, utc_now()
    delivery.save()
    assert "delivered" in client.get("/account").text
    again = f"/account/deliveries/{public_id('delivery', delivery.id)}/replay"
    assert client_of(builders.organisation("stranger")).post(again, **HTML).status_code == 404
    assert client.post(again).status_code == 302
    delivery.refresh_from_db()
    assert (delivery.delivered_at, delivery.next_at is None) == (None, False)
    path = f"/account/webhooks/{public_id('webhook', row.id)}/remove"
    assert client_of(builders.organisation("stranger")).post(path, **HTML).status_code == 404
    assert client.post(path).status_code == 302
    row.refresh_from_db()
    assert row.removed_at is not None


@pytest.mark.parametrize("url", ["http://example.com/", "https://", "nothing"])
def test_a_webhook_goes_to_https_addresses_only(someone: Organisation, client_of: ClientOf, url: str) -> None:
    answer = client_of(someone).post("/account/webhooks", {"url": url})
    assert (answer.status_code, 'id="id_url_error"' in answer.text) == (422, True)
    assert not WebhookEndpoint.objects.filter(organisation=someone).exists()


@pytest.mark.parametrize("role", [Member.Role.VIEWER, Member.Role.TRADER])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/account/webhooks"),
        ("post", "/account/webhooks"),
        ("post", "/account/webhooks/whk_1/remove"),
        ("post", "/account/deliveries/dlv_1/replay"),
    ],
)
def test_webhooks_are_changed_by_owners(
    someone: Organisation, client_of: ClientOf, role: Member.Role, method: str, path: str
) -> None:
    assert getattr(client_of(someone, role), method)(path, **HTML).status_code == 403


def test_a_viewer_has_an_account_and_a_factor_of_their_own(
    someone: Organisation, client_of: ClientOf
) -> None:
    client = client_of(someone, Member.Role.VIEWER)
    assert "may only look" in client.get("/account").text
    assert client.post("/account/second-factor/begin").status_code == 200


# -- budgets and usage


def test_a_budget_is_set_shown_changed_and_ended(someone: Organisation, client_of: ClientOf) -> None:
    key = api_key_create(organisation_id=someone.id, name="batch jobs", scopes=("infer",)).key
    client = client_of(someone)
    form = {"window": "day", "limit": "12.50", "key_id": public_id("key", key.id)}
    assert client.post("/wallet/budgets", form).status_code == 302
    assert client.post("/wallet/budgets", form | {"limit": "15"}).status_code == 302
    page = client.get("/wallet/usage").text
    assert re.search(r"<strong>\$15.00</strong> a day for key “batch jobs”", page)
    (budget,) = Budget.objects.filter(organisation_id=someone.id)
    path = f"/wallet/budgets/{public_id('budget', budget.id)}/end"
    assert client_of(someone, Member.Role.VIEWER).post(path, **HTML).status_code == 403
    assert client_of(builders.organisation("stranger")).post(path, **HTML).status_code == 404
    assert client.post(path).status_code == 302
    assert "No budget" in client.get("/wallet/usage").text
    refused = client.post("/wallet/budgets", form | {"limit": "0"})
    assert (refused.status_code, "Enter dollars and cents" in refused.text) == (422, True)


@pytest.fixture
def settled(db: None, tmp_path: Path) -> Scene:
    """Return a scene with one settled job."""
    scene, now = make_scene(tmp_path), utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    job_settle(job_id=job.id, now=now)
    return scene


@pytest.mark.parametrize("by", ["model", "key", "tag", "day"])
def test_usage_is_summed_up_by_anything(settled: Scene, client_of: ClientOf, by: str) -> None:
    page = client_of(settled.buyer).get(f"/wallet/usage?by={by}")
    ((_, row),) = page.context["rows"]
    assert (row.jobs, page.context["charged"]) == (1, row.charged_nano_usd)
    assert client_of(settled.buyer).get("/wallet/usage?by=colour", **HTML).status_code == 404


def test_usage_is_taken_along_job_by_job(settled: Scene, client_of: ClientOf) -> None:
    client = client_of(settled.buyer)
    cookie = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
    month = f"{utc_now():%Y-%m}"
    with web_process() as url:
        files = {kind: httpx.get(f"{url}/wallet/usage/{month}.{kind}", headers=cookie) for kind in KINDS}
    (row,) = csv.DictReader(io.StringIO(files["csv"].text))
    (line,) = (json.loads(line) for line in files["jsonl"].text.splitlines())
    assert (row["job_id"], int(row["charged_nano_usd"])) == (line["job_id"], line["charged_nano_usd"])
    assert files["pdf"].status_code == 404
