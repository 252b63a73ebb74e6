"""The alerts ask for figures that there are, and each says what is wrong and what to do."""

import re

import pytest
import yaml

from api.metrics import GAUGES
from core.counters import CONFLICTS
from tests.environment import ROOT

FILE = ROOT / "deploy" / "alerts.yml"
RULES = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
COUNTED = {"cux_http_requests_total", "cux_http_request_seconds_bucket", f"{CONFLICTS._name}_total"}
KNOWN = {gauge.name: gauge for gauge in GAUGES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is_and_says_what_to_do(rule):
    asked = set(re.findall(r"cux_\w+", rule["expr"] + rule["annotations"]["summary"]))
    assert asked
    assert asked <= KNOWN.keys() | COUNTED
    for name, label in re.findall(r"(cux_\w+)\{(\w+)", rule["expr"]):
        assert name in COUNTED or KNOWN[name].label == label
    assert rule["labels"]["severity"] in {"page", "ticket", "info"}
    assert set(rule["annotations"]) == {"summary", "action"}
    assert all(len(text) > 20 for text in rule["annotations"].values())


def test_alerts_have_names_of_their_own_and_the_figures_of_money_are_watched():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    asked = set(re.findall(r"cux_\w+", FILE.read_text()))
    unwatched = {"cux_holds_open", "cux_refunds", "cux_budgets_alerted"}  # figures to look at, not alarms
    market = {"cux_orders_open", "cux_trades", "cux_receipts", "cux_provider_circuits"}
    assert KNOWN.keys() - asked == unwatched | market
