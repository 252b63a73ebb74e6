"""What the client sends and expects is what the exchange's OpenAPI file says."""

import inspect
import re
from typing import Any, get_args, get_origin

import msgspec
import pytest
import yaml

from cux.client.call import Call
from cux.client.calls import (
    account,
    batches,
    charts,
    compute,
    content,
    keys,
    ledger,
    market,
    operators,
    payments,
    payouts,
    request_batches,
    webhooks,
)
from cux.client.views import Page
from cux.wire.batches import BatchCancel
from tests.environment import ROOT

DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
CALLS: list[Call[Any]] = [
    market.instrument_list(),
    market.instrument_get("x"),
    market.book_get("x"),
    market.trade_list("x"),
    market.market_stream("x"),
    charts.candle_list("x", interval="1h", start="2026-01-01T00:00:00Z", end="2026-01-02T00:00:00Z"),
    charts.stats_get("x"),
    charts.resale_list("x"),
    charts.index_list(),
    charts.auction_list(instrument="x"),
    charts.auction_get("x"),
    charts.index_history("x"),
    account.order_place("x", "buy", quantity_lots=1, price_ticks=1),
    account.order_preview("x", "buy", quantity_lots=1, price_ticks=1),
    account.order_batch([BatchCancel(order_id="x")]),
    account.order_replace("x", price_ticks=1, quantity_lots=1),
    account.order_cancel("x"),
    account.order_cancel_all(instrument="x", side="buy", client_order_id_prefix="a"),
    account.order_get("x"),
    account.order_find("x"),
    account.order_list(instrument="x", open_only=True, client_order_id="mine"),
    batches.dead_man_set(60),
    batches.dead_man_get(),
    batches.standing_offer_list(),
    batches.standing_offer_set("x", price_ticks=1, quantity_lots=1),
    batches.standing_offer_withdraw("x"),
    batches.entitlement_sell("x", price_ticks=1, quantity_lots=1),
    operators.instrument_kill("x"),
    operators.phase_set("x", "halted"),
    operators.account_set("x", is_blocked=True),
    operators.fee_tier_set("x", "gold", maker_fee_ppm=0, taker_fee_ppm=0),
    operators.auction_start("x", "reopen", then_phase="continuous"),
    operators.bust_list(),
    operators.bust_request("x", "typing error"),
    operators.bust_approve("x"),
    operators.audit_list(action="key.created"),
    operators.operator_abuse_report_list(state="upheld"),
    operators.abuse_report_decide("x", "upheld", "seen"),
    operators.ban_list(),
    operators.ban_create("x", "everything", "malware"),
    operators.ban_lift("x"),
    operators.money_action_list(),
    operators.money_action_propose("insurance_top_up", "cash", amount_nano_usd=1),
    operators.money_action_approve("mon_1"),
    operators.surveillance(start="2026-01-01T00:00:00Z"),
    content.content_forget("x"),
    content.abuse_report_list(),
    content.abuse_report_create("other", job_id="x"),
    keys.api_key_list(),
    keys.api_key_create("bot", ["read"]),
    keys.api_key_revoke("x"),
    webhooks.webhook_list(),
    webhooks.webhook_create("https://example.com"),
    webhooks.webhook_remove("x"),
    webhooks.webhook_delivery_list(),
    webhooks.webhook_replay("x"),
    account.balance_get(as_of="2026-01-01T00:00:00Z"),
    account.paper_fund(1),
    account.entitlement_list(live_only=True),
    account.account_stream(cancel_on_disconnect=True),
    payments.deposit_create(1, payment_method="x", return_url="https://x", save_card=True),
    payments.deposit_get("x"),
    payments.deposit_list(),
    payments.refund_preview(1),
    payments.refund_create(1),
    payments.refund_get("x"),
    payments.refund_list(),
    payouts.payee_get(),
    payouts.payee_onboard(code="123456"),
    payouts.payout_create(1),
    payouts.payout_get("x"),
    payouts.payout_list(),
    payouts.dispute_list(),
    payouts.reconciliation_list(),
    payments.payment_method_list(),
    payments.payment_method_setup(return_url="https://x"),
    payments.payment_method_default("x"),
    payments.payment_method_forget("x"),
    payments.auto_top_up_get(),
    payments.auto_top_up_set("x", threshold_nano_usd=1, amount_nano_usd=1, monthly_cap_nano_usd=1),
    payments.auto_top_up_end(),
    compute.model_list(),
    compute.quote_create("x", "hi", max_tokens=1, max_compute_ucu=1, quality="auto", value_usd=1),
    compute.chat("x", "hi", max_tokens=1),
    compute.chat_stream("x", "hi", max_tokens=1),
    request_batches.complete("x", "hi", max_tokens=1),
    request_batches.file_upload(b"{}", filename="x"),
    request_batches.file_list(),
    request_batches.file_get("x"),
    request_batches.file_content("x"),
    request_batches.file_delete("x"),
    request_batches.batch_create("x", metadata={"a": "b"}),
    request_batches.batch_list(),
    request_batches.batch_get("x"),
    request_batches.batch_cancel("x"),
    compute.job_list(),
    compute.job_get("x"),
    compute.adaptive_request_get("x"),
    compute.receipt_get("x"),
    compute.key_list(),
    ledger.ledger_head_get(),
    ledger.ledger_head_at(1),
    ledger.ledger_head_list(),
    compute.card_get("x"),
    compute.card_list(),
    compute.provider_list(),
]


def operation_of(call: Call[Any]) -> dict[str, Any]:
    """Return the operation that a call asks for, by its method and path."""
    for template, methods in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{[^}]*\}", "[^/]+", template)
        if re.fullmatch(pattern, call.path) and call.method.lower() in methods:
            found: dict[str, Any] = methods[call.method.lower()]
            return found
    raise AssertionError(f"{call.method} {call.path} is not in docs/openapi.yaml")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema itself where another one is referred to."""
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return DOCUMENT["components"]["schemas"][name] if name else schema


def answer_schema(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a success's JSON body; empty if it has none."""
    success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    return resolved(success.get("content", {}).get("application/json", {}).get("schema", {}))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_every_call_is_documented_with_its_parameters(call: Call[Any]) -> None:
    documented = {parameter["name"] for parameter in operation_of(call).get("parameters", [])}
    assert set(call.params) <= documented


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_every_answer_has_the_fields_the_client_needs(call: Call[Any]) -> None:
    schema, shape = answer_schema(operation_of(call)), call.shape
    if get_origin(shape) is Page:
        schema, (shape,) = resolved(schema["properties"]["data"]["items"]), get_args(shape)
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct) and "properties" in schema:
        needed = {field.encode_name for field in msgspec.structs.fields(shape) if field.required}
        assert needed <= set(schema["properties"])


def test_every_call_there_is_was_looked_at() -> None:
    modules = (
        *(
            market,
            charts,
            account,
            batches,
            content,
            keys,
            ledger,
            operators,
            payments,
            payouts,
            compute,
            request_batches,
            webhooks,
        ),
    )
    functions = [value for module in modules for value in vars(module).values() if inspect.isfunction(value)]
    names = {f.__name__ for f in functions if f.__module__.startswith("cux.client.calls.")}
    assert len([name for name in names if not name.startswith("_")]) == len(CALLS)
