"""What a preview says is what placing the order then says."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.sequencer import protocol as p
from exchange.sequencer.commands import preview
from exchange.sequencer.state import State
from tests.property.sequencer_commands import BUDGET, IMMEDIATE, MARKET, PLAIN, RESTING, STEPS, desk, take
from tests.property.test_sequencer_decisions import SEARCH

BEFORE = st.lists(STEPS, max_size=30)
ORDER = st.one_of(PLAIN, RESTING, IMMEDIATE, MARKET, BUDGET)


def check_preview(steps: list[Any], order: p.NewOrder) -> None:
    at = desk()
    for step in steps:
        take(at, step)
    posted = at.state.wallets[order.organisation_id].posted
    shown, placed = at.decide(p.Preview(order)), at.decide(order)
    if placed.status != 201:
        assert shown == placed
        return
    assert shown.status == 200
    for name in ("status", "reason", "cumulative_lots", "leaves_lots", "held_nano_usd", "expires_at"):
        assert shown.body.get(name) == placed.body.get(name)
    trades = [(t["price_ticks"], t["quantity_lots"], t["fee_nano_usd"]) for t in shown.body["trades"]]
    assert trades == [
        (t["price_ticks"], t["quantity_lots"], t["fee_nano_usd"]) for t in placed.body["trades"]
    ]
    if order.side == "buy":
        paid = posted - at.state.wallets[order.organisation_id].posted
        assert shown.body["cost_nano_usd"] + shown.body["fee_nano_usd"] == paid
        assert paid + placed.body["held_nano_usd"] <= shown.body["worst_case_nano_usd"]


def fills(body: dict[str, Any]) -> list[tuple[int, int, int]]:
    return [(t["price_ticks"], t["quantity_lots"], t["fee_nano_usd"]) for t in body["trades"]]


@settings(max_examples=150, deadline=None)
@given(BEFORE, ORDER)
def test_a_preview_is_what_placing_says(steps, order):
    check_preview(steps, order)


def without_the_book(state: State, market: Any, order: Any) -> State:
    excerpt = WHOLE(state, market, order)
    excerpt.markets["x"].engine = type(market.engine).restore([], market.engine.current_phase)
    return excerpt


WHOLE = preview._excerpt


def test_the_property_sees_a_preview_of_another_book(monkeypatch):
    monkeypatch.setattr(preview, "_excerpt", without_the_book)
    with pytest.raises(AssertionError):
        SEARCH(given(BEFORE, ORDER)(check_preview))()
