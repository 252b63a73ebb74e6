"""Which orders are well-formed, and the limit a market order gets."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from core.errors import Code, CuxError
from exchange.engine.orders import Phase
from exchange.sequencer import rules
from exchange.sequencer.facts import Instrument
from exchange.sequencer.protocol import NewOrder, SetCapacity
from exchange.sequencer.rules import check_words
from tests.unit.sequencer.test_risk import instrument

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def check_new(command: NewOrder, terms: Instrument, phase: Phase) -> int:
    return rules.check_new(command, terms, phase, NOW, frozenset())


def order(**fields: Any) -> NewOrder:
    plain: dict[str, Any] = {
        "organisation_id": UUID(int=2),
        "instrument": "x",
        "side": "buy",
        "quantity_lots": 1,
    }
    return NewOrder(**(plain | fields))


@pytest.mark.parametrize(("side", "limit"), [("buy", 5_000), ("sell", 100)])
def test_market_order_is_protected_by_the_band(side, limit):
    assert check_new(order(side=side, type="market", tif="IOC"), instrument(), "continuous") == limit


def test_limit_order_has_its_own_limit():
    assert check_new(order(price_ticks=100), instrument(), "continuous") == 100
    assert check_new(order(price_ticks=5_000, quantity_lots=1_000), instrument(), "auction") == 5_000


@pytest.mark.parametrize(
    ("fields", "phase", "code"),
    [
        ({}, "continuous", Code.INVALID_FIELD),
        ({"quantity_lots": None, "price_ticks": 100}, "continuous", Code.INVALID_FIELD),
        ({"type": "market"}, "continuous", Code.INVALID_TIME_IN_FORCE),
        ({"price_ticks": 100, "tif": "FOK", "post_only": True}, "continuous", Code.INVALID_TIME_IN_FORCE),
        ({"price_ticks": 100, "tif": "IOC"}, "auction", Code.INVALID_TIME_IN_FORCE),
        ({"price_ticks": 100, "tif": "FOK"}, "pre_open", Code.INVALID_TIME_IN_FORCE),
        ({"price_ticks": 100, "tif": "GFA"}, "continuous", Code.INVALID_TIME_IN_FORCE),
        ({"price_ticks": 100}, "halted", Code.INSTRUMENT_NOT_TRADING),
        ({"price_ticks": 100}, "closed", Code.INSTRUMENT_NOT_TRADING),
        ({"price_ticks": 100}, "cancel_only", Code.INSTRUMENT_NOT_TRADING),
        ({"price_ticks": 99}, "continuous", Code.PRICE_OUT_OF_BAND),
        ({"price_ticks": 5_001}, "continuous", Code.PRICE_OUT_OF_BAND),
        ({"price_ticks": 100, "quantity_lots": 0}, "continuous", Code.QUANTITY_OUT_OF_RANGE),
        ({"price_ticks": 100, "quantity_lots": 1_001}, "continuous", Code.QUANTITY_OUT_OF_RANGE),
        ({"price_ticks": 2**53, "quantity_lots": 1_000}, "continuous", Code.NUMBER_TOO_LARGE),
        ({"price_ticks": 100, "quantity_lots": 2**57}, "continuous", Code.NUMBER_TOO_LARGE),
    ],
)
def test_refused(fields: dict[str, Any], phase: Phase, code: Code):
    with pytest.raises(CuxError) as refused:
        check_new(order(**fields), instrument(), phase)
    assert refused.value.code is code


def test_dust_is_refused():
    with pytest.raises(CuxError) as refused:
        check_new(order(price_ticks=100, quantity_lots=9), instrument(min_order_lots=10), "continuous")
    assert refused.value.code is Code.QUANTITY_OUT_OF_RANGE
    check_new(order(price_ticks=100, quantity_lots=10), instrument(min_order_lots=10), "continuous")


@pytest.mark.parametrize(
    ("command", "param"),
    [
        (order(key=""), "key"),
        (order(key="k" * 256), "key"),
        (order(client_order_id="a\x00"), "client_order_id"),
        (order(client_order_id="c" * 49), "client_order_id"),
        (order(instrument="i" * 81), "instrument"),
        (SetCapacity(UUID(int=2), "c\n", 1, 1), "compute_class"),
    ],
)
def test_words_that_cannot_be_stored(command, param):
    with pytest.raises(CuxError) as refused:
        check_words(command)
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, param)


def test_words_that_can_be_stored():
    check_words(order(key="k" * 255, client_order_id="c" * 48))
