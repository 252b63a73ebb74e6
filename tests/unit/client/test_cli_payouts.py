"""`cux payee`, `payout` and `disputes` against a scripted exchange."""

import json
from typing import Any

from tests.unit.client.cli import run
from tests.unit.client.exchange import Script, ok, refused

USD = 10**9
AT = "2026-08-01T12:00:00Z"
PAYEE = {
    "status": "restricted",
    "country": "US",
    "bank_last4": "6789",
    "requirements": ["external_account"],
    "disabled_reason": None,
    "payable_nano_usd": 25 * USD,
    "at_risk_nano_usd": 7 * USD,
    "held_back": [{"day": "2026-08-01", "amount_nano_usd": 3 * USD, "matures_on": "2026-08-09"}],
    "debt_nano_usd": 2 * USD,
    "least_nano_usd": 10 * USD,
    "next_payout_at": "2026-08-02T06:00:00Z",
}
PAYOUT = {
    "payout_id": "pyo_1",
    "status": "blocked",
    "day": None,
    "amount_nano_usd": 25 * USD,
    "block_reason": "same_card",
    "waiting_for": None,
    "failure_code": None,
    "failure_message": None,
    "created_at": AT,
    "arrives_at": None,
    "finished_at": None,
}
DISPUTE = {
    "dispute_id": "dsp_1",
    "deposit_id": "dep_1",
    "status": "won",
    "reason": "fraudulent",
    "amount_nano_usd": 100 * USD,
    "withdrawn_nano_usd": 100 * USD,
    "fee_nano_usd": 15 * USD,
    "reinstated_nano_usd": 99 * USD,
    "opened_at": AT,
    "evidence_due_by": None,
}


def page(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return a page that is the last."""
    return {"data": list(rows), "has_more": False, "next_cursor": None}


def sent(script: Script) -> dict[str, Any]:
    """Return the body of the request that was made."""
    body: dict[str, Any] = json.loads(script.requests[0].content)
    return body


def test_a_payee_is_set_up_on_the_page_that_is_printed(monkeypatch):
    script = Script(ok(PAYEE | {"onboarding_url": "https://pay.example/setup"}))
    result = run(monkeypatch, script, "payee", "setup", "--code", "123456", "--country", "DE")
    assert (result.exit_code, result.stdout) == (0, "https://pay.example/setup\n")
    assert sent(script) == {"country": "DE", "return_url": None}
    assert script.requests[0].headers["X-CUX-One-Time-Code"] == "123456"


def test_a_payee_shows_what_can_be_paid_out_and_when_the_rest_can(monkeypatch):
    result = run(monkeypatch, Script(ok(PAYEE)), "payee", "show")
    assert result.exit_code == 0
    for text in ("restricted", "…6789", "$25.00", "$7.00", "held back until 2026-08-09", "external_account"):
        assert text in result.stdout
    assert "owed for disputes" in result.stdout


def test_a_payout_asks_for_whole_cents_and_says_why_it_waits(monkeypatch):
    script = Script(ok(PAYOUT))
    result = run(monkeypatch, script, "payout", "make", "25.00", "--idempotency-key", "k", "--code", "123456")
    assert (result.exit_code, sent(script)) == (0, {"amount_nano_usd": 25 * USD})
    headers = script.requests[0].headers
    assert (headers["Idempotency-Key"], headers["X-CUX-One-Time-Code"]) == ("k", "123456")
    assert "same_card" in result.stdout
    everything = Script(ok(PAYOUT))
    run(monkeypatch, everything, "payout", "make")
    assert sent(everything) == {"amount_nano_usd": None}
    assert "X-CUX-One-Time-Code" not in everything.requests[0].headers


def test_payouts_and_disputes_are_listed(monkeypatch):
    listed = run(monkeypatch, Script(ok(page(PAYOUT))), "payout", "list")
    assert "pyo_1" in listed.stdout
    assert "on demand" in listed.stdout
    shown = run(monkeypatch, Script(ok(PAYOUT | {"day": "2026-08-01"})), "payout", "show", "pyo_1")
    assert "2026-08-01" in shown.stdout
    disputes = run(monkeypatch, Script(ok(page(DISPUTE))), "disputes")
    assert all(text in disputes.stdout for text in ("dsp_1", "$100.00", "$15.00", "$99.00", "won"))


def test_a_refusal_is_told(monkeypatch):
    result = run(monkeypatch, Script(refused(409, "debt_open")), "payout", "make")
    assert result.exit_code == 1
    assert "debt_open" in result.stderr
