"""The double as a process of its own, and its pages."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import stripe

from tests.environment import ROOT
from tests.integration.stripe_double.receiver import receiving
from tests.stripe import StripeDouble


@contextmanager
def _process(state: Path, webhook_url: str) -> Iterator[StripeDouble]:
    command = [sys.executable, "-m", "stripe_double", "--port", "0", "--state", str(state)]
    process = subprocess.Popen(
        [*command, "--webhook-url", webhook_url],
        cwd=ROOT,
        env={**os.environ, "STRIPE_DOUBLE_SECRET": "whsec_process"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = re.search(r"port (\d+)", process.stdout.readline())
    assert port is not None
    double = StripeDouble(f"http://127.0.0.1:{port[1]}")
    try:
        yield double
    finally:
        double.close()
        process.terminate()
        process.communicate(timeout=10)
        assert process.returncode == 0


def test_a_restart_keeps_objects_money_clock_keys_and_what_is_to_come(tmp_path: Path) -> None:
    pay = {"amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    with receiving() as receiver:
        with _process(tmp_path / "state.json", "http://127.0.0.1:9/gone") as double:
            sdk = stripe.StripeClient("sk_test_1", base_addresses={"api": double.url})
            first = sdk.v1.payment_intents.create(pay, {"idempotency_key": "k"})
            double.advance(86_400)
            now = double.state()["now"]
        with _process(tmp_path / "state.json", receiver.url) as double:
            sdk = stripe.StripeClient("sk_test_1", base_addresses={"api": double.url})
            assert 0 <= double.state()["now"] - now < 60
            assert sdk.v1.payment_intents.retrieve(first.id).status == "succeeded"
            assert sdk.v1.balance.retrieve().pending[0].amount == 941
            double.advance(86_400)
            assert sdk.v1.balance.retrieve().available[0].amount == 941
            assert receiver.types[-1] == "balance.available"
            stripe.Webhook.construct_event(*receiver.got[-1], "whsec_process")


def test_a_webhook_address_without_a_secret_is_refused() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "STRIPE_DOUBLE_SECRET"}
    command = [sys.executable, "-m", "stripe_double", "--port", "0", "--webhook-url", "http://127.0.0.1:9/"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "--webhook-secret" in done.stderr


def test_the_card_page_shows_amount_cards_and_why_one_was_refused(double, sdk, customer):
    line = {"price_data": {"currency": "usd", "unit_amount": 5_000, "product_data": {"name": "Deposit <b>"}}}
    session = sdk.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer,
            "success_url": "https://cux.test/ok",
            "cancel_url": "https://cux.test/no",
            "line_items": [{**line, "quantity": 2}],
        }
    )
    page = httpx.get(session.url).text
    assert "$100.00" in page
    assert "2 × Deposit &lt;b&gt;, $50.00" in page
    assert "4000000000009995" in page
    assert 'href="https://cux.test/no"' in page
    refused = httpx.post(session.url, data={"number": "4000000000009995", "expiry": "12/40", "name": "x"})
    assert (refused.status_code, "Your card has insufficient funds." in refused.text) == (402, True)
    for number, expiry in (("4242", "12/40"), ("4242424242424242", "soon")):
        assert httpx.post(session.url, data={"number": number, "expiry": expiry}).status_code == 402
    assert double.pay(session.url) == "https://cux.test/ok"
    assert httpx.get(session.url).status_code == 410
    assert double.platform_cents() == 10_000 - 320


@pytest.mark.parametrize("path", ["/c/pay/cs_none", "/setup/e/acct_1/link_none", "/express/acct_none"])
def test_a_page_that_is_not_there(double, path):
    assert httpx.get(double.url + path).status_code == 404


def test_incomplete_onboarding_is_asked_again(double, sdk):
    account = sdk.v1.accounts.create({"type": "express"}).id
    link = {"account": account, "type": "account_onboarding", "refresh_url": "r", "return_url": "b"}
    url = sdk.v1.account_links.create(link).url
    assert httpx.post(url, data={"name": "x", "account_number": "12"}).status_code == 400
    assert sdk.v1.accounts.retrieve(account).details_submitted is False
    assert double.onboard(url) == "b"
    page = httpx.get(sdk.v1.accounts.login_links.create(account).url)
    assert (page.status_code, account in page.text) == (200, True)
