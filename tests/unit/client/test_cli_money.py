"""`cux usage`, `budget`, `invoice`, `statement`, `billing-profile`: exact figures, files as they came."""

import json
from pathlib import Path

import httpx
import msgspec
import pytest

from cux.wire.documents import (
    BudgetView,
    DocumentLineView,
    DocumentView,
    MoneyMoved,
    MonthCharge,
    StatementView,
    UsageRow,
)
from tests.unit.client.cli import run
from tests.unit.client.exchange import Script, ok

AT = "2026-11-23T08:00:00.000000Z"
FIGURES = {
    "prompt_tokens": 5,
    "cached_tokens": 0,
    "output_tokens": 3,
    "compute_ucu": 10,
    "escrow_nano_usd": 20_000,
    "fee_nano_usd": 200,
    "charged_nano_usd": 20_200,
}
BUDGET = BudgetView(
    budget_id="bud_1",
    window="month",
    limit_nano_usd=25_500_000_001,
    starts_at=AT,
    reserved_nano_usd=0,
    spent_nano_usd=0,
    left_nano_usd=25_500_000_001,
)
INVOICE = DocumentView(
    number="INV-2026-000042",
    kind="invoice",
    reason="deposit",
    issued_at=AT,
    net_nano_usd=10**9,
    tax_nano_usd=190_000_000,
    total_nano_usd=1_190_000_000,
    total_usd="1.19",
    tax_rate_ppm=190_000,
    tax_note="USt. 19 % (DE)",
    payment="Visa ending in 4242",
    entry_key="deposit:pi_1",
    corrects=None,
    lines=[DocumentLineView(description="Prepaid balance", detail="", card_hash="", amount_nano_usd=10**9)],
)
MONTH = StatementView(
    month="2026-11",
    start=AT,
    end=AT,
    is_final=True,
    charges=[
        MonthCharge(kind="job", model="m", card_hash="ab" * 32, key_id=None, tag="chat", count=2, **FIGURES)
    ],
    escrow_nano_usd=20_000,
    fee_nano_usd=200,
    charged_nano_usd=20_200,
    opening_nano_usd=0,
    money=[MoneyMoved(entry_kind="deposit", label="Paid in", amount_nano_usd=10**9)],
    closing_nano_usd=10**9,
)


def test_usage_is_shown_exactly_and_asked_for_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok({"data": [UsageRow(jobs=2, model="m", day="2026-11-23", **FIGURES)]}))
    words = ["usage", "--by", "model", "--by", "day", "--from", AT]
    result = run(monkeypatch, script, *words)
    assert result.exit_code == 0
    assert "$0.0000202" in result.stdout
    (request,) = script.requests
    assert dict(request.url.params) == {"from": AT, "group_by": "model,day"}


def test_an_export_is_passed_on_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    table = b"settled_at,tag\r\n2026-11-23,'=1\r\n"
    script = Script(httpx.Response(200, content=table))
    result = run(monkeypatch, script, "usage", "--format", "csv")
    assert (result.exit_code, result.stdout_bytes) == (0, table)


@pytest.mark.parametrize("words", [("--by", "colour"), ("--format", "xml")])
def test_usage_that_cannot_be_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]
) -> None:
    script = Script()
    assert run(monkeypatch, script, "usage", *words).exit_code == 2
    assert script.requests == []


def test_a_budget_in_dollars_is_sent_to_the_nano(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok(BUDGET))
    result = run(monkeypatch, script, "budget", "set", "month", "25.500000001")
    assert result.exit_code == 0
    assert json.loads(script.requests[0].content) == {
        "window": "month",
        "limit_nano_usd": 25_500_000_001,
        "key_id": None,
    }


@pytest.mark.parametrize("limit", ["-1", "1.0000000001", "x", ".5", "1,5", ""])
def test_a_budget_that_is_no_amount_is_not_sent(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    script = Script()
    assert run(monkeypatch, script, "budget", "set", "--", "day", limit).exit_code == 2
    assert script.requests == []


def test_an_invoice_is_shown_and_saved_as_it_came(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = run(monkeypatch, Script(ok(INVOICE)), "invoice", "get", INVOICE.number)
    assert "$1.19" in shown.stdout
    listed = run(monkeypatch, Script(ok({"data": [INVOICE]})), "invoice", "list", "--json")
    assert msgspec.json.decode(listed.stdout, type=list[DocumentView]) == [INVOICE]
    file = tmp_path / "a.pdf"
    script = Script(httpx.Response(200, content=b"%PDF-1.7 \x00\xff"))
    saved = run(monkeypatch, script, "invoice", "pdf", INVOICE.number, "--out", str(file))
    assert (saved.exit_code, file.read_bytes()) == (0, b"%PDF-1.7 \x00\xff")
    assert script.requests[0].url.path == f"/v1/invoices/{INVOICE.number}.pdf"
    script = Script(httpx.Response(200, content=b"x"))
    lost = run(monkeypatch, script, "invoice", "pdf", INVOICE.number, "--out", str(tmp_path / "no" / "a.pdf"))
    assert lost.exit_code == 2


def test_a_month_is_shown_with_its_charges_and_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Script(ok(MONTH)), "statement", "get", "2026-11")
    assert "$0.0000202" in result.stdout
    assert "Paid in: $1.00" in result.stderr
    assert "balance $1.00" in result.stderr
