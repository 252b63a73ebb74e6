"""The command line: data on stdout, prose on stderr, documented exit codes."""

import json
from pathlib import Path

import httpx
import pytest

from cux.client.config import Access, resolve
from tests.unit.client.cli import run
from tests.unit.client.exchange import BOOK, ORDER, Script, ok, refused, stream
from tests.unit.client.test_streams import LAST, chunk, delta, snapshot, trade

TERMS = {
    "instrument": "x",
    "compute_class": "c",
    "model": "m",
    "delivery": "spot",
    "phase": "continuous",
    "lot_ucu": 100,
    "tick_nano_usd": 1_000,
    "tick_usd_per_cu": "0.01",
    "band_low_ticks": 1,
    "band_high_ticks": 10_000,
    "max_order_lots": 1_000,
    "maker_fee_ppm": 1_000,
    "taker_fee_ppm": 12_500,
    "window_s": 86_400,
}
PLACE = ("order", "place", "buy", "x", "--lots", "5", "--price", "2000")


@pytest.fixture(autouse=True)
def _empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("CUX_URL", "CUX_API_KEY", "CUX_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def test_the_book_shows_dollars_next_to_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Script(ok(BOOK), ok(TERMS)), "market", "book", "x", "--depth", "5")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[2:] == [
        ["ask", "2,000", "$20.00", "3", "0.0003", "CU"],
        ["bid", "1,990", "$19.90", "5", "0.0005", "CU"],
    ]


def test_json_is_the_data_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok(BOOK))
    result = run(monkeypatch, script, "market", "book", "x", "--json")
    assert json.loads(result.stdout)["asks"] == [[2_000, 3]]
    assert (result.stderr, len(script.requests)) == ("", 1)


def test_instruments_are_listed_with_what_a_tick_is_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Script(ok({"data": [TERMS]})), "market", "list")
    assert "$0.000001" in result.stdout
    assert "0.1 % / 1.25 %" in result.stdout
    assert "24 h" in result.stdout


@pytest.mark.parametrize(("window_s", "said"), [(86_400, "24 h"), (85, "1 min 25 s"), (0, "0 s")])
def test_windows_are_told_to_the_second(monkeypatch: pytest.MonkeyPatch, window_s: int, said: str) -> None:
    result = run(monkeypatch, Script(ok(TERMS | {"window_s": window_s})), "market", "show", "x")
    assert f"m, spot, for {said}" in result.stdout


def test_trades_that_are_not_printed_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = [
        trade(2) | {"usd_per_cu": "20", "is_resale": True, "is_busted": True},
        trade(1) | {"usd_per_cu": "20"},
    ]
    result = run(monkeypatch, Script(ok({"data": tape})), "market", "trades", "x")
    _, marked, plain = result.stdout.splitlines()
    assert marked.rstrip().endswith("trd_2  resale, busted")
    assert plain.rstrip().endswith("trd_1")


def test_watching_prints_each_new_trade_once(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok(TERMS), stream(snapshot(1, 1), delta(2, 2)))
    result = run(monkeypatch, script, "market", "watch", "x", "--count", "2")
    assert result.exit_code == 0
    assert [line.split()[-1] for line in result.stdout.splitlines() if "trade" in line] == ["trd_1", "trd_2"]


def test_an_order_is_placed_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok(ORDER), ok(TERMS))
    result = run(monkeypatch, script, *PLACE, "--client-order-id", "mine", "--idempotency-key", "k-1")
    assert result.exit_code == 0
    assert "2,000 ticks ($20.00 per CU)" in result.stdout
    assert "5 lots, $0.01 held" in result.stdout
    assert json.loads(script.requests[0].content)["client_order_id"] == "mine"
    assert script.keys[0] == "k-1"


def test_a_market_order_needs_no_price_and_is_immediate(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok(ORDER))
    result = run(
        monkeypatch, script, "order", "place", "buy", "x", "--lots", "5", "--type", "market", "--json"
    )
    assert result.exit_code == 0
    sent = json.loads(script.requests[0].content)
    assert (sent["type"], sent["tif"], sent["price_ticks"]) == ("market", "IOC", None)


def test_a_dry_run_shows_cost_and_request_and_places_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok(TERMS))
    result = run(monkeypatch, script, *PLACE, "--dry-run")
    assert result.exit_code == 0
    assert "5 lots at 2,000 ticks ($20.00 per CU): $0.01" in result.stderr
    assert "about $0.000125" in result.stderr
    assert result.stdout.startswith("curl -X POST ")
    assert [request.method for request in script.requests] == ["GET"]


def test_explain_shows_the_request_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Script(ok(ORDER)), *PLACE, "--explain", "--json", "--idempotency-key", "k-1")
    assert result.stderr.splitlines()[0].startswith(
        """curl -X POST -H "Authorization: Bearer $CUX_API_KEY" -H 'Content-Type: application/json' """
        """-H 'Idempotency-Key: k-1' --data-raw '{"instrument":"x","side":"buy\""""
    )
    assert "cux_secret" not in result.output


def test_cancel_all_asks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    result = run(monkeypatch, script, "order", "cancel-all", input="n\n")
    assert result.exit_code == 1
    assert script.requests == []


def test_cancel_all_does_not_ask_with_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok({"canceled": ["ord_1", "ord_2"]}))
    result = run(monkeypatch, script, "order", "cancel-all", "--instrument", "x", "--yes")
    assert (result.exit_code, result.stderr) == (0, "2 cancelled\n")
    assert "ord_2" in result.stdout
    assert (script.requests[0].method, script.requests[0].url.query) == ("DELETE", b"instrument=x")


def test_a_list_takes_as_many_pages_as_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [
        ok({"data": [ORDER], "has_more": True, "next_cursor": "c1"}),
        ok({"data": [ORDER | {"order_id": "ord_2"}], "has_more": True, "next_cursor": "c2"}),
    ]
    script = Script(*pages)
    result = run(monkeypatch, script, "order", "list", "--open", "--limit", "2", "--json")
    assert [row["order_id"] for row in json.loads(result.stdout)] == ["ord_1", "ord_2"]
    assert [dict(request.url.params) for request in script.requests] == [
        {"status": "open", "limit": "2"},
        {"status": "open", "limit": "2", "cursor": "c1"},
    ]


def test_a_chat_streams_to_stdout_and_its_cost_to_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(
        ok({"data": [{"id": "m", "created": 1, "owned_by": "cux"}]}),
        ok({"data": []}),
        stream(chunk("two "), chunk("primes", "stop"), LAST, b"data: [DONE]\n\n"),
    )
    result = run(monkeypatch, script, "chat", "-", "--max-compute-ucu", "12", input="Name two primes.")
    assert (result.exit_code, result.stdout) == (0, "two primes\n")
    assert "3 + 2 tokens · 0.000009 CU of 0.000012 CU quoted · $0.00018" in result.stderr
    assert "cux receipt verify job_1" in result.stderr
    sent = json.loads(script.requests[2].content)
    assert (sent["max_compute_ucu"], sent["messages"][0]["content"]) == (12, "Name two primes.")


HELD = {
    "entitlement_id": "ent_1",
    "provider_id": "org_1",
    "delivery": "spot",
    "quantity_ucu": 900,
    "used_ucu": 0,
    "reserved_ucu": 0,
    "escrow_nano_usd": 0,
    "starts_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-01-02T00:00:00Z",
    "status": "live",
}


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        (ok({"data": [HELD | {"compute_class": "c", "available_ucu": each} for each in (400, 500)]}), "b"),
        (ok({"data": [HELD | {"compute_class": "old", "available_ucu": 900}]}), "a"),
        (refused(403, "insufficient_scope"), "a"),
    ],
    ids=["most", "of none on sale", "not to be read"],
)
def test_without_a_model_that_is_asked_for_which_most_compute_is_held(
    monkeypatch: pytest.MonkeyPatch, held: httpx.Response, asked: str
) -> None:
    classes = {"a": "other", "b": "c", "c": "c"}
    models = [
        {"id": name, "created": 1, "owned_by": "cux", "cux": {"compute_class": code}}
        for name, code in classes.items()
    ]
    other = HELD | {"compute_class": "other", "available_ucu": 800}
    if asked == "b":
        held = ok({"data": [other, *held.json()["data"]]})
    script = Script(ok({"data": models}), held, stream(chunk("two", "stop"), LAST, b"data: [DONE]\n\n"))
    assert run(monkeypatch, script, "chat", "hi").exit_code == 0
    assert json.loads(script.requests[-1].content)["model"] == asked


@pytest.mark.parametrize("question", ["", " \n"])
def test_an_empty_question_is_neither_asked_nor_paid(monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    for arguments, typed in ((("chat", question), ""), (("chat", "-"), question)):
        script = Script()
        result = run(monkeypatch, script, *arguments, input=typed)
        assert (result.exit_code, result.stdout, script.requests) == (2, "", [])
        assert "the question is empty" in result.stderr


@pytest.mark.parametrize(
    ("answer", "code", "advice"),
    [
        (refused(422, "price_out_of_band", type="invalid_request_error"), 1, "In: price_ticks"),
        (refused(402, "insufficient_balance", type="insufficient_funds_error"), 1, "Request: req_1"),
        (
            refused(401, "invalid_api_key", type="authentication_error"),
            3,
            "or set CUX_API_KEY, which goes before",
        ),
        (refused(403, "missing_scope", type="permission_error"), 3, "cux login"),
        (refused(503, "sequencer_busy", retry_after="99"), 4, "sequencer_busy"),
        (httpx.Response(200, content=b"<html>"), 1, "could not be read"),
    ],
)
def test_exit_codes_and_advice(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, code: int, advice: str
) -> None:
    result = run(monkeypatch, Script(answer), *PLACE)
    assert (result.exit_code, result.stdout) == (code, "")
    assert advice in result.stderr


def test_another_key_is_advised_only_where_it_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = refused(403, "same_operator", type="permission_error")
    result = run(monkeypatch, Script(refusal), *PLACE)
    assert (result.exit_code, "cux login" in result.stderr) == (3, False)


def test_an_exchange_that_is_not_there_is_exit_code_4(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(*[httpx.ConnectError("connection refused")] * 4)
    result = run(monkeypatch, script, "balance")
    assert result.exit_code == 4
    assert "http://exchange could not be reached: connection refused" in result.stderr


def test_an_order_of_unknown_fate_names_the_key_to_repeat_it_under(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(*[httpx.ReadError("lost")] * 8)
    result = run(monkeypatch, script, *PLACE)
    assert (result.exit_code, len(set(script.keys))) == (4, 1)
    assert f"--idempotency-key {script.keys[0]}" in result.stderr
    as_json = run(monkeypatch, script, *PLACE, "--json")
    assert json.loads(as_json.stderr)["error"]["idempotency_key"] == script.keys[-1]


def test_a_limit_order_without_a_price_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    result = run(monkeypatch, script, "order", "place", "buy", "x", "--lots", "5")
    assert (result.exit_code, script.requests) == (2, [])
    assert run(monkeypatch, script, "order", "place", "hold", "x", "--lots", "5").exit_code == 2


def test_with_json_errors_are_json_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Script(refused(409, "no_capacity", type="conflict_error")), *PLACE, "--json")
    assert json.loads(result.stderr)["error"]["code"] == "no_capacity"
    assert result.stdout == ""


def test_login_checks_the_key_and_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    money = {"posted_nano_usd": 0, "held_nano_usd": 0, "available_nano_usd": 0, "available_usd": "0.00"}
    script = Script(ok(money | {"earnings_nano_usd": 0, "hold_back_nano_usd": 0}))
    result = run(monkeypatch, script, "login", "--key-stdin", input="cux_mine\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert resolve() == Access("http://exchange", "cux_mine")


def test_login_keeps_no_key_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(refused(401, "invalid_api_key", type="authentication_error"))
    assert run(monkeypatch, script, "login", "--key-stdin", input="cux_bad\n").exit_code == 3
    assert resolve().api_key is None
    assert run(monkeypatch, Script(), "login", "--key-stdin", input="\n").exit_code == 2


def test_names_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = TERMS | {"instrument": "a:smile:", "model": "[red]m[/red]"}
    result = run(monkeypatch, Script(ok({"data": [odd]})), "market", "list")
    assert "a:smile:" in result.stdout
    assert "[red]m[/red]" in result.stdout


def test_a_terminal_gets_no_control_characters_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a\x1b[2Jb\x9b1m\n\tc"
    answers = [stream(chunk(text), LAST, b"data: [DONE]\n\n") for _ in range(2)]
    script = Script(*answers)
    piped = run(monkeypatch, script, "chat", "hi", "--model", "m")
    assert piped.stdout == text + "\n"
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    shown = run(monkeypatch, script, "chat", "hi", "--model", "m")
    assert shown.stdout == "a[2Jb1m\n\tc\n"
