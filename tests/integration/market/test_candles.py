"""Candles: exact prices and sums, no gaps, printed trades only, bounded ranges."""

from datetime import datetime, timedelta

import pytest

from core.clock import rfc3339
from core.errors import Code, CuxError
from cux.wire.market import CandleView
from exchange.selectors.candles import INTERVALS_S, candle_list
from tests.integration.market.tape import NOON, Tape, after

pytestmark = pytest.mark.usefixtures("scratch")


def candle(after_s: float, *figures: int, is_closed: bool = True) -> CandleView:
    """Return a candle: open, high, low, close, lots, money, trades."""
    names = CandleView.__struct_fields__[1:-1]
    facts = dict(zip(names, figures, strict=True))
    return CandleView(start_at=rfc3339(after(after_s)), is_closed=is_closed, **facts)


def test_prices_and_sums_of_an_interval_and_the_close_carried_through_empty_ones() -> None:
    tape = Tape()
    for second, ticks, lots in ((0, 2_000, 5), (1, 2_010, 1), (59.999_999, 1_990, 2), (180, 2_005, 7)):
        tape.trade(second, ticks, lots)
    tape.unprinted(30, 9_000, 50)
    found = candle_list(symbol=tape.instrument.symbol, interval="1m", now=after(200), start=after(-120))
    assert found == [
        candle(0, 2_000, 2_010, 1_990, 1_990, 8, 15_990_000, 3),
        candle(60, 1_990, 1_990, 1_990, 1_990, 0, 0, 0),
        candle(120, 1_990, 1_990, 1_990, 1_990, 0, 0, 0),
        candle(180, 2_005, 2_005, 2_005, 2_005, 7, 14_035_000, 1, is_closed=False),
    ]


def test_a_range_after_the_last_trade_starts_at_its_price() -> None:
    tape = Tape()
    tape.trade(0, 2_000, 5)
    tape.bust(tape.trade(1, 3_000, 5))
    tape.bust(tape.trade(2, 2_020, 5), busted_at=None)  # asked for, not approved
    (found,) = candle_list(
        symbol=tape.instrument.symbol, interval="1s", now=after(60), start=after(5), end=after(6)
    )
    assert found == candle(5, 2_020, 2_020, 2_020, 2_020, 0, 0, 0)


@pytest.mark.parametrize("interval", INTERVALS_S)
def test_every_interval_starts_at_whole_multiples(interval: str) -> None:
    tape = Tape()
    tape.trade(-400 * 86_400, 2_000, 1)
    found = candle_list(symbol=tape.instrument.symbol, interval=interval, now=after(77))
    assert len(found) == 200
    starts = [datetime.fromisoformat(candle.start_at) for candle in found]
    assert starts[-1] <= after(77) < starts[-1] + timedelta(seconds=INTERVALS_S[interval])
    assert {start.timestamp() % INTERVALS_S[interval] for start in starts} == {0}


def test_nothing_traded_is_no_candle() -> None:
    assert candle_list(symbol=Tape().instrument.symbol, interval="1h", now=NOON) == []


def test_a_thousand_candles_are_the_most() -> None:
    tape = Tape()
    tape.trade(-5_000, 2_000, 1)
    symbol = tape.instrument.symbol
    most = candle_list(symbol=symbol, interval="1s", now=NOON, start=after(-1_000), end=NOON)
    assert len(most) == 1_000
    with pytest.raises(CuxError, match=r"at most 1,000 candles") as refused:
        candle_list(symbol=symbol, interval="1s", now=NOON, start=after(-1_001), end=NOON)
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, "start")


@pytest.mark.parametrize(("start_s", "end_s"), [(10, 10), (20, 10), (60, None)])
def test_a_range_without_candles_is_refused(start_s: int, end_s: int | None) -> None:
    symbol = Tape().instrument.symbol
    end = None if end_s is None else after(end_s)
    with pytest.raises(CuxError, match=r"`start` is before"):
        candle_list(symbol=symbol, interval="1s", now=after(30), start=after(start_s), end=end)


def test_an_unknown_interval_or_instrument_is_refused() -> None:
    with pytest.raises(CuxError, match=r"1s, 1m, 5m, 15m, 1h, 4h, 1d"):
        candle_list(symbol=Tape().instrument.symbol, interval="2m", now=NOON)
    with pytest.raises(CuxError) as refused:
        candle_list(symbol="nothing", interval="1m", now=NOON)
    assert refused.value.code is Code.UNKNOWN_INSTRUMENT
