"""The command line for professionals: every kind of order, batches, auctions, keys, the live book."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cux.cli.watch import Screen, follow
from cux.client.views import Book, Market
from cux.wire.orders import TradeView
from cux.wire.streams import AuctionNews
from tests.unit.client.cli import run
from tests.unit.client.exchange import ORDER, Script, ok, refused
from tests.unit.client.test_cli import TERMS

AT = "2026-08-01T12:00:00Z"
AUCTION = {
    "auction_id": "auc_1",
    "instrument": "x",
    "kind": "scheduled",
    "state": "input",
    "reference_ticks": 100,
    "started_at": AT,
    "no_cancel_at": AT,
    "close_from_at": AT,
    "then_phase": "closed",
    "indicative": {"price_ticks": 90, "volume_lots": 7, "surplus_lots": -2},
}
OFFER = {
    "standing_offer_id": "sto_1",
    "instrument": "x",
    "price_ticks": 800,
    "quantity_lots": 500,
    "created_at": AT,
}
RULES = {"organisation_id": "org_1", "is_blocked": True, "reason": "runaway", "fee_tier": "", "canceled": []}
TIER = {"instrument": "x", "tier": "gold", "maker_fee_ppm": 0, "taker_fee_ppm": 5_000}
BUST = {
    "trade_id": "trd_1",
    "instrument": "x",
    "price_ticks": 1,
    "quantity_lots": 2,
    "reason": "error",
    "requested_by": "key_1",
    "requested_at": AT,
}
FINDING = {"kind": "spoof", "accounts": ["org_1"], "figures": {"cancels": 9}, "references": []}
PROVIDER = {
    "provider_id": "prv_1",
    "organisation_id": "org_1",
    "name": "northwind",
    "trust_tier": "L1",
    "up": True,
    "draining": False,
    "models": ["m"],
    "rate_ucu_per_s": 5_000,
    "receipts": 3,
}
KEY = {
    "key_id": "key_1",
    "name": "bot",
    "prefix": "01234567",
    "scopes": ["read"],
    "allowed_networks": [],
    "order_limit": 50,
    "order_window_s": 1,
    "created_at": AT,
}


@pytest.fixture(autouse=True)
def _empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def sent(script: Script) -> dict[str, Any]:
    """Return the body of the first request."""
    body: dict[str, Any] = json.loads(script.requests[0].content)
    return body


def test_every_term_of_an_order_has_its_option(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok(ORDER))
    options = (
        *("--budget", "12.5", "--type", "market", "--price", "9", "--min-lots", "3", "--all-or-none"),
        *("--only-provider", "org_1", "--only-provider", "org_2", "--ignore-provider", "org_3"),
        *("--min-window", "600", "--stp", "decrement", "--client-order-id", "mine", "--json"),
    )
    result = run(monkeypatch, script, "order", "place", "buy", "x", *options)
    assert result.exit_code == 0, result.output
    said = {name: value for name, value in sent(script).items() if value not in (None, [], False)}
    assert said == {
        "instrument": "x",
        "side": "buy",
        "type": "market",
        "tif": "IOC",
        "budget_nano_usd": 12_500_000_000,
        "price_ticks": 9,
        "min_lots": 3,
        "all_or_none": True,
        "only_providers": ["org_1", "org_2"],
        "ignore_providers": ["org_3"],
        "min_window_s": 600,
        "stp": "decrement",
        "client_order_id": "mine",
    }


def test_an_iceberg_until_a_date_is_good_till_then(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok(ORDER | {"expires_at": AT, "display_lots": 2, "tif": "GTD"}), ok(TERMS))
    options = ("--lots", "5", "--price", "9", "--display", "2", "--expires-at", AT)
    result = run(monkeypatch, script, "order", "place", "sell", "x", *options)
    assert (sent(script)["tif"], sent(script)["display_lots"]) == ("GTD", 2)
    assert "5 lots, 2 shown" in result.stdout
    assert "2026-08-01 12:00:00 UTC" in result.stdout


@pytest.mark.parametrize("budget", ["much", "-1", "0", "0.0000000001", "nan"])
def test_a_budget_that_is_no_amount_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, budget: str) -> None:
    result = run(monkeypatch, Script(), "order", "place", "buy", "x", "--type", "market", "--budget", budget)
    assert (result.exit_code, "--budget" in result.stderr) == (2, True)


def test_an_order_without_size_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Script(), "order", "place", "buy", "x", "--price", "1")
    assert (result.exit_code, "--lots, --budget" in result.stderr) == (2, True)


def test_a_preview_shows_what_an_order_would_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"cost_nano_usd": 5_000_000, "fee_nano_usd": 1_000, "worst_case_nano_usd": 9_000_000}
    figures |= {"refund_nano_usd": 4_000_000}
    script = Script(ok(ORDER | {"preview": True} | figures), ok(TERMS))
    result = run(monkeypatch, script, "order", "preview", "buy", "x", "--lots", "5", "--price", "2000")
    assert result.exit_code == 0
    assert script.requests[0].url.path == "/v1/orders/preview"
    for said in (
        "nothing was placed",
        "at most $0.004 comes back",
        "$0.005, fee $0.000001",
        "$0.009 available",
    ):
        assert said in result.stdout


def test_a_batch_is_read_from_a_file_and_a_refused_item_shows_in_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    items = [
        {"op": "new", "instrument": "x", "side": "buy", "quantity_lots": 5, "price_ticks": 1},
        {"op": "cancel", "client_order_id": "a"},
    ]
    error = {"error": {"code": "unknown_order", "message": "No.", "type": "t", "param": None}}
    results = [{"status": 201, "body": ORDER}, {"status": 404, "body": error}]
    for content in (items, {"items": items}):
        (tmp_path / "orders.json").write_text(json.dumps(content))
        script = Script(ok({"results": results}))
        result = run(monkeypatch, script, "order", "batch", str(tmp_path / "orders.json"))
        assert result.exit_code == 1
        assert [item["op"] for item in sent(script)["items"]] == ["new", "cancel"]
        assert "open, 5 of 5 lots open" in result.stdout
        assert "No. (unknown_order)" in result.stdout
        assert result.stderr == "1 done, 1 refused\n"


@pytest.mark.parametrize("content", ["", "[]", '[{"op": "amend"}]', "{}"])
def test_a_file_that_is_no_batch_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    (tmp_path / "orders.json").write_text(content)
    assert run(monkeypatch, Script(), "order", "batch", str(tmp_path / "orders.json")).exit_code == 2
    assert run(monkeypatch, Script(), "order", "batch", str(tmp_path / "none.json")).exit_code == 2


def test_cancels_are_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(ok({"canceled": ["ord_1"]}))
    run(monkeypatch, script, "order", "cancel-all", "--side", "buy", "--prefix", "a-", "--yes")
    assert dict(script.requests[0].url.params) == {"side": "buy", "client_order_id_prefix": "a-"}


@pytest.mark.parametrize(
    ("words", "answer", "said"),
    [
        ("order find mine", ORDER, "ord_1"),
        ("market providers", {"data": [PROVIDER]}, "org_1"),
        ("market show x", TERMS | {"band_ppm": 50_000}, "within 5 % of the reference price"),
        (
            "operator kill x --yes",
            {"instrument": "x", "phase": "halted", "canceled": 3},
            "3 orders cancelled",
        ),
        ("operator phase x continuous", {"instrument": "x", "phase": "continuous"}, "x is continuous"),
        ("operator auction x reopen", {"auction_id": "auc_1", "closes_by": AT}, "auc_1 closes by 2026-08-01"),
        ("operator account org_1 --block --reason runaway", RULES, "no: runaway"),
        ("operator tier x gold --maker 0 --taker 5000", TIER, "5,000 ppm taker"),
        ("operator busts", {"data": [BUST]}, "waits for another operator"),
        ("operator bust trd_1 --reason error", BUST, "trd_1"),
        ("operator approve trd_1", BUST | {"busted_at": AT}, "2026-08-01 12:00:00"),
        ("operator surveillance", {"data": [FINDING]}, "cancels 9"),
        ("dead-man set 60", {"timeout_s": 60, "expires_at": AT}, "in 60 s, at 2026-08-01 12:00:00 UTC"),
        ("dead-man show", {"timeout_s": 0}, "never"),
        ("auctions list --instrument x", {"data": [AUCTION]}, "auc_1"),
        ("auctions show auc_1", AUCTION, "7 lots at 90 ticks; demand less supply -2"),
        ("auctions show auc_1", AUCTION | {"indicative": None}, "nothing"),
        ("offers list", {"data": [OFFER]}, "sto_1"),
        ("offers set x --price 800 --lots 500", OFFER, "800"),
        ("offers withdraw sto_1", OFFER | {"withdrawn_at": AT}, "2026-08-01 12:00:00"),
        ("keys list", {"data": [KEY]}, "50 per 1 s"),
        ("keys revoke key_1", KEY | {"revoked_at": AT}, "2026-08-01 12:00:00"),
        ("keys create bot --scope read", KEY | {"secret": "sk_live_secret"}, "sk_live_secret"),
        ("entitlement sell ent_1 --lots 5 --price 2100", ORDER, "5 lots offered at 2,100 ticks"),
    ],
)
def test_each_command_shows_what_was_answered_and_as_json_exactly_that(
    monkeypatch: pytest.MonkeyPatch, words: str, answer: dict[str, Any], said: str
) -> None:
    result = run(monkeypatch, Script(ok(answer), ok(TERMS)), *words.split())
    assert (result.exit_code, said in result.stdout) == (0, True), result.output
    shown = json.loads(run(monkeypatch, Script(ok(answer)), *words.split(), "--json").stdout)
    rows = answer.get("data", [answer])
    for row, given in zip(shown if isinstance(shown, list) else [shown], rows, strict=True):
        assert given.items() <= row.items()


def test_candles_and_index_are_shown_in_people_s_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    candle = {
        "start_at": AT,
        "open_ticks": 1_000,
        "high_ticks": 1_200,
        "low_ticks": 900,
        "close_ticks": 1_100,
    }
    candle |= {"volume_lots": 5, "turnover_nano_usd": 5_000_000, "trades": 2, "is_closed": True}
    result = run(monkeypatch, Script(ok({"data": [candle, candle]})), "candles", "x", "--limit", "1")
    assert result.stdout.splitlines()[1].split() == [
        *("2026-08-01", "12:00:00", "1,000", "1,200", "900", "1,100", "5", "$0.005", "2")
    ]
    value = {
        "code": "c",
        "at": AT,
        "nano_usd_per_cu": 20 * 10**9,
        "method": "window",
        "trades": 3,
        "dropped": 1,
    }
    script = Script(ok({"data": [value | {"volume_ucu": 500}]}))
    assert "$20.00" in run(monkeypatch, script, "index").stdout
    script = Script(ok({"data": [value | {"volume_ucu": 500}] * 3}))
    assert run(monkeypatch, script, "index", "c", "--limit", "2").stdout.count("$20.00") == 2


def test_statistics_of_a_day_may_be_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    stats = {"instrument": "x", "as_of": AT, "phase": "continuous", "last_ticks": 900, "change_ppm": -125_000}
    stats |= {"volume_lots": 5, "volume_ucu": 500, "turnover_nano_usd": 5_000_000, "trades": 2}
    result = run(monkeypatch, Script(ok(stats), ok(TERMS)), "market", "stats", "x")
    assert "900 ticks ($9.00 per CU), -12.5 % in 24 h" in result.stdout


def test_a_scope_there_is_not_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, Script(), "keys", "create", "bot", "--scope", "admin").exit_code == 2


def test_a_rate_limit_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [refused(429, "rate_limited", type="rate_limit_error", retry_after="90")]
    assert run(monkeypatch, Script(*answers), "dead-man", "show").exit_code == 1


def test_the_live_book_shows_levels_trades_and_the_auction() -> None:
    trade = TradeView(
        trade_id="trd_1",
        instrument="x",
        seq=1,
        price_ticks=2_000,
        quantity_lots=4,
        taker_side="buy",
        executed_at=AT,
    )
    auction = AuctionNews(
        auction_id="auc_1",
        kind="scheduled",
        state="input",
        price_ticks=None,
        volume_lots=0,
        surplus_lots=3,
        no_cancel_at=AT,
        closes_by=AT,
    )
    asks = [(2_000, 4), (2_010, 2)]
    book = Book(instrument="x", seq=1, phase="auction", bids=[(1_990, 8)], asks=asks)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, color_system=None)
    follow(console, Screen(None), [Market(book=book, trades=[trade], auction=auction)] * 2, 1)
    text = out.getvalue()
    for said in (
        "x  auction  #1",
        "2,010",
        "10 apart",
        "12:00:00",
        "0 lots at no price yet, +3 over",
        "█" * 16,
    ):
        assert said in text
    assert text.index("2,010") < text.index("2,000") < text.index("1,990")
