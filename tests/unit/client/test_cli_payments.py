"""`cux deposit`, `refund`, `payment-methods` and `auto-top-up` against a scripted exchange."""

import json
from typing import Any

import pytest

from tests.unit.client.cli import run
from tests.unit.client.exchange import Script, ok, refused

USD = 10**9
DEPOSIT = {
    "deposit_id": "dep_1",
    "status": "open",
    "method": "checkout",
    "amount_nano_usd": 100 * USD,
    "tax_nano_usd": 0,
    "refunded_nano_usd": 0,
    "disputed_nano_usd": 0,
    "checkout_url": "https://pay.example/1",
    "action_url": None,
    "card_brand": None,
    "card_last4": None,
    "failure_code": None,
    "failure_message": None,
    "created_at": "2026-08-01T12:00:00Z",
    "finished_at": None,
}
FAILED = {"status": "failed", "checkout_url": None, "failure_message": "Your card was declined."}
PART = {
    "deposit_id": "dep_1",
    "card_brand": "visa",
    "card_last4": "4242",
    "amount_nano_usd": 20 * USD,
    "fee_nano_usd": 640_000_000,
    "tax_nano_usd": 0,
    "card_nano_usd": 19_360_000_000,
}
REFUND = {
    **{name: PART[name] for name in PART if not name.startswith("card_")},
    "card_nano_usd": 19_360_000_000,
    "refund_id": "rfd_1",
    "request_id": "r1",
    "status": "pulling",
    "failure_code": None,
    "failure_message": None,
    "created_at": "2026-08-01T12:00:00Z",
    "finished_at": None,
}
CARD = {
    "payment_method": "pm_1",
    "brand": "visa",
    "last4": "4242",
    "exp_month": 3,
    "exp_year": 2040,
    "country": "US",
    "is_default": True,
}
TOP_UP = {
    "is_on": True,
    "off_reason": None,
    "threshold_nano_usd": 10 * USD,
    "amount_nano_usd": 50 * USD,
    "monthly_cap_nano_usd": 200 * USD,
    "payment_method": "pm_1",
    "declines": 0,
    "this_month_nano_usd": 50 * USD,
}


def page(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return a page that is the last."""
    return {"data": list(rows), "has_more": False, "next_cursor": None}


def sent(script: Script) -> dict[str, Any]:
    """Return the body of the request that was made."""
    body: dict[str, Any] = json.loads(script.requests[0].content)
    return body


def test_a_deposit_prints_where_to_pay(monkeypatch):
    script = Script(ok(DEPOSIT))
    result = run(monkeypatch, script, "deposit", "make", "100.00", "--save-card")
    assert (result.exit_code, result.stdout) == (0, "https://pay.example/1\n")
    assert sent(script) == {
        "amount_nano_usd": 100 * USD,
        "payment_method": None,
        "return_url": None,
        "save_card": True,
    }


def test_a_declined_card_is_refused_with_the_banks_words(monkeypatch):
    script = Script(refused(402, "payment_declined", type="insufficient_funds_error"))
    result = run(monkeypatch, script, "deposit", "make", "100", "--card", "pm_1")
    assert result.exit_code == 1
    assert sent(script)["payment_method"] == "pm_1"


@pytest.mark.parametrize("amount", ["ten", "1.0000000001", "-5", ""])
def test_what_is_no_amount_of_dollars_is_not_sent(monkeypatch, amount):
    script = Script()
    assert run(monkeypatch, script, "deposit", "make", "--", amount).exit_code == 2
    assert script.requests == []


def test_a_failed_deposit_says_why(monkeypatch):
    result = run(monkeypatch, Script(ok(DEPOSIT | FAILED)), "deposit", "show", "dep_1")
    assert "Your card was declined." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "answer", "said"),
    [
        (["deposit", "list"], page(DEPOSIT), "$100.00"),
        (["refund", "list"], page(REFUND), "$19.36"),
        (["refund", "make", "20"], page(REFUND), "rfd_1"),
        (["payment-methods", "list"], page(CARD), "03/2040"),
        (["payment-methods", "add"], {"url": "https://pay.example/2"}, "https://pay.example/2"),
        (["payment-methods", "default", "pm_1"], CARD, "first choice"),
        (["payment-methods", "forget", "pm_1"], CARD, "forgotten"),
        (["auto-top-up", "show"], TOP_UP, "$200.00"),
        (["auto-top-up", "off"], TOP_UP | {"is_on": False, "off_reason": "owner"}, "off (owner)"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_what_people_see(monkeypatch, arguments, answer, said):
    result = run(monkeypatch, Script(ok(answer)), *arguments)
    assert (result.exit_code, said in result.stdout) == (0, True), result.stdout


def test_a_refund_is_previewed_part_by_part(monkeypatch):
    plan = {name: PART[name] for name in PART if name.endswith("nano_usd")}
    script = Script(ok({"most_nano_usd": 90 * USD, "parts": [PART], **plan}))
    result = run(monkeypatch, script, "refund", "preview", "20")
    assert dict(script.requests[0].url.params) == {"amount_nano_usd": str(20 * USD)}
    assert "$0.64" in result.stdout
    assert "$19.36 would reach your cards; $90.00 can be refunded" in result.output


def test_a_top_up_is_set_in_dollars(monkeypatch):
    script = Script(ok(TOP_UP))
    arguments = ["auto-top-up", "set", "pm_1", "--below", "10", "--amount", "50", "--cap", "200"]
    assert run(monkeypatch, script, *arguments).exit_code == 0
    assert sent(script) == {
        "threshold_nano_usd": 10 * USD,
        "amount_nano_usd": 50 * USD,
        "monthly_cap_nano_usd": 200 * USD,
        "payment_method": "pm_1",
    }
