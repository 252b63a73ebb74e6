"""What each kind of order goes with, and switching kinds off."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from core.errors import Code, CuxError
from exchange.sequencer.kinds import KINDS, Kind, _is_plain_limit, check_kinds, expires_at, kinds_of
from tests.unit.sequencer.test_rules import order

NOW = datetime(2026, 1, 2, 12, 30, 1, 5, UTC)
LATER = 1_767_400_000
PRICE = {"price_ticks": 100, "quantity_lots": 10}
IOC = PRICE | {"tif": "IOC"}
MARKET = {"type": "market", "tif": "IOC", "quantity_lots": 10}
BUDGET = {"type": "market", "tif": "IOC", "quantity_lots": None, "budget_nano_usd": 1_000}
ONE = (order().organisation_id,)

ALLOWED: list[tuple[list[Kind], dict[str, Any]]] = [
    ([], PRICE),
    ([], IOC),
    ([], PRICE | {"tif": "FOK"}),
    ([], MARKET),
    ([], MARKET | {"tif": "FOK", "side": "sell"}),
    (["post_only"], PRICE | {"post_only": True}),
    (["post_only", "GFA"], PRICE | {"post_only": True, "tif": "GFA"}),
    (["iceberg"], PRICE | {"display_lots": 1}),
    (["iceberg", "GTD"], PRICE | {"display_lots": 10, "tif": "GTD", "expires_at": LATER}),
    (["min_lots"], IOC | {"min_lots": 10}),
    (["min_lots"], PRICE | {"tif": "FOK", "all_or_none": True}),
    (["min_lots"], MARKET | {"min_lots": 1}),
    (["eligibility"], IOC | {"only_providers": ONE * 32}),
    (["eligibility"], MARKET | {"ignore_providers": ONE}),
    (["protection"], MARKET | {"price_ticks": 100}),
    (["budget"], BUDGET),
    (["protection", "budget"], BUDGET | {"price_ticks": 100}),
    (["resale"], IOC | {"min_window_s": 3_600}),
    (["DAY"], PRICE | {"tif": "DAY"}),
    (["GFA"], MARKET | {"tif": "GFA"}),
]
TIF, FIELD, RANGE = Code.INVALID_TIME_IN_FORCE, Code.INVALID_FIELD, Code.QUANTITY_OUT_OF_RANGE
REFUSED: list[tuple[Code, str, dict[str, Any]]] = [
    (FIELD, "price_ticks", {"quantity_lots": 10}),
    (FIELD, "quantity_lots", {"price_ticks": 100, "quantity_lots": None}),
    (FIELD, "quantity_lots", BUDGET | {"quantity_lots": 10}),
    (TIF, "tif", MARKET | {"tif": "GTC"}),
    (TIF, "tif", MARKET | {"tif": "DAY"}),
    (FIELD, "expires_at", PRICE | {"tif": "GTD"}),
    (FIELD, "expires_at", PRICE | {"expires_at": LATER}),
    (FIELD, "expires_at", PRICE | {"tif": "GTD", "expires_at": int(NOW.timestamp())}),
    (FIELD, "expires_at", PRICE | {"tif": "GTD", "expires_at": 2**62}),
    (TIF, "tif", IOC | {"post_only": True}),
    (FIELD, "type", MARKET | {"tif": "GFA", "post_only": True}),
    (TIF, "display_lots", IOC | {"display_lots": 1}),
    (FIELD, "display_lots", MARKET | {"tif": "GFA", "display_lots": 1}),
    (RANGE, "display_lots", PRICE | {"display_lots": 0}),
    (RANGE, "display_lots", PRICE | {"display_lots": 11}),
    (RANGE, "display_lots", PRICE | {"display_lots": 1, "quantity_lots": 101}),
    (TIF, "tif", PRICE | {"min_lots": 5}),
    (TIF, "tif", PRICE | {"all_or_none": True}),
    (FIELD, "all_or_none", IOC | {"all_or_none": True, "min_lots": 5}),
    (RANGE, "min_lots", IOC | {"min_lots": 0}),
    (RANGE, "min_lots", IOC | {"min_lots": 11}),
    (RANGE, "min_lots", BUDGET | {"all_or_none": True}),
    (TIF, "only_providers", PRICE | {"only_providers": ONE}),
    (FIELD, "only_providers", IOC | {"side": "sell", "ignore_providers": ONE}),
    (FIELD, "only_providers", IOC | {"only_providers": ONE * 33}),
    (FIELD, "budget_nano_usd", BUDGET | {"side": "sell"}),
    (FIELD, "budget_nano_usd", BUDGET | {"type": "limit", "price_ticks": 100}),
    (FIELD, "budget_nano_usd", BUDGET | {"budget_nano_usd": 0}),
    (TIF, "tif", BUDGET | {"tif": "FOK"}),
]


@pytest.mark.parametrize(("kinds", "fields"), ALLOWED)
def test_allowed(kinds, fields):
    command = order(**fields)
    check_kinds(command, NOW, frozenset())
    assert kinds_of(command) == kinds


@pytest.mark.parametrize(("code", "param", "fields"), REFUSED)
def test_refused(code, param, fields):
    with pytest.raises(CuxError) as refused:
        check_kinds(order(**fields), NOW, frozenset())
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_kind_that_is_switched_off_is_refused_and_all_others_go_on(kind):
    for kinds, fields in ALLOWED:
        if kind in kinds:
            with pytest.raises(CuxError) as refused:
                check_kinds(order(**fields), NOW, frozenset({kind}))
            assert refused.value.code is Code.ORDER_KIND_DISABLED
        else:
            check_kinds(order(**fields), NOW, frozenset({kind}))


def test_the_short_way_is_only_for_what_passes_the_long_one():
    plain = [fields for kinds, fields in ALLOWED if _is_plain_limit(order(**fields))]
    assert plain == [PRICE, IOC, PRICE | {"tif": "FOK"}]
    assert not any(_is_plain_limit(order(**fields)) for _, _, fields in REFUSED)


def test_plain_orders_go_on_when_everything_else_is_switched_off():
    for kinds, fields in ALLOWED:
        if not kinds:
            check_kinds(order(**fields), NOW, KINDS)


def test_a_day_order_ends_at_the_next_midnight():
    assert expires_at(order(**PRICE, tif="DAY"), NOW) == datetime(2026, 1, 3, tzinfo=UTC)
    midnight = datetime(2026, 1, 3, tzinfo=UTC)
    assert expires_at(order(**PRICE, tif="DAY"), midnight) == midnight + timedelta(days=1)
    assert expires_at(order(**PRICE, tif="GTD", expires_at=LATER), NOW) == datetime.fromtimestamp(LATER, UTC)
    assert expires_at(order(**PRICE), NOW) is None
