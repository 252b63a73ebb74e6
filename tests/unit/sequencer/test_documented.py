"""The closed lists of states, reasons and refusals: the trading rules name exactly what the code has."""

import re
from typing import get_args

from core.errors import Code
from cux.wire.orders import EndReason, OrderStatus
from exchange.engine.events import CancelReason
from exchange.sequencer.commands.decider import _REFUSALS
from exchange.sequencer.kinds import KINDS
from tests.environment import ROOT

RULES = (ROOT / "docs/trading-rules.md").read_text()


def section(title: str) -> str:
    return re.split(r"^## ", RULES.split(f"## {title}\n")[1], flags=re.M)[0]


def first_column(table: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", table, flags=re.M))


def test_states_and_reasons_are_those_of_the_wire():
    states = section("States of an order").split("| `reason` |")[0]
    assert first_column(states) - {"status"} == set(get_args(OrderStatus))
    reasons = "| `reason` |" + section("States of an order").split("| `reason` |")[1]
    assert first_column(reasons) - {"reason"} == set(get_args(EndReason))
    assert set(get_args(CancelReason)) <= set(get_args(EndReason))


def test_refusals_are_codes_and_an_engine_s_refusal_is_among_them():
    listed = section("States of an order").split("can be refused with these codes")[1]
    codes = set(re.findall(r"`(\w+)`", listed))
    assert codes <= {code.wire for code in Code}
    assert {code.wire for code in _REFUSALS.values()} <= codes


def test_every_kind_that_can_be_switched_off_is_described():
    described = set(re.findall(r"`(\w+)`", section("Kinds of orders")))
    assert described >= KINDS
