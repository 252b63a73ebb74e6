"""Charts and statistics are the same whether minutes are added up already or not."""

import random
from datetime import timedelta
from typing import Any

import pytest

from exchange.models import MinuteCandle, MinutesRolled
from exchange.selectors.candles import candle_list
from exchange.selectors.stats import market_stats
from exchange.services import minutes_roll as rolling
from exchange.services.minutes_roll import minutes_roll
from tests.integration.market.tape import Tape, after

pytestmark = pytest.mark.usefixtures("scratch")
HOUR_S = 3_600


def busy(seed: int) -> Tape:
    """Return a tape of two hours with trades of every kind, and quiet times."""
    tape, chance = Tape(), random.Random(seed)
    second = 0.0
    while second < 2 * HOUR_S:
        second += chance.choice([0.5, 7, 60, 61, 600])
        mark = chance.choice(["", "", "", "is_self", "is_resale"])
        tape.trade(
            second, 2_000 + chance.randrange(40), 1 + chance.randrange(9), **({mark: True} if mark else {})
        )
    return tape


def shown(tape: Tape) -> list[Any]:
    """Return what is read from minutes, at instants within one and over spans of no whole minutes."""
    symbol, now = tape.instrument.symbol, after(2 * HOUR_S + 30.5)
    starts_s = {"1m": 900, "5m": 0, "1h": -HOUR_S, "1d": -86_400}
    charts = [
        candle_list(symbol=symbol, interval=interval, now=now, start=after(start_s))
        for interval, start_s in starts_s.items()
    ]
    return [*charts, *(market_stats(symbol=symbol, now=now - timedelta(seconds=s)) for s in (0, 31, 86_400))]


@pytest.mark.parametrize("seed", range(3))
def test_adding_up_changes_nothing_that_is_shown(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "AT_ONCE", timedelta(minutes=50))
    tape = busy(seed)
    before = shown(tape)
    steps = 0
    while minutes_roll():
        assert shown(tape) == before
        steps += 1
    assert steps == 3
    assert MinuteCandle.objects.filter(instrument=tape.instrument).count() >= 10


def test_the_minute_of_the_newest_trade_waits_for_the_next() -> None:
    tape = Tape()
    tape.trade(10, 2_000, 1)
    minutes_roll()
    assert MinutesRolled.objects.get(instrument=tape.instrument).until == after(0)
    tape.trade(50, 2_001, 1)  # late, in the same minute
    tape.trade(130, 2_002, 1)
    minutes_roll()
    minutes_roll()
    (row,) = MinuteCandle.objects.filter(instrument=tape.instrument)
    assert (row.start_at, row.open_ticks, row.close_ticks, row.trades) == (after(0), 2_000, 2_001, 2)
    assert MinutesRolled.objects.get(instrument=tape.instrument).until == after(120)


def test_a_bust_after_adding_up_takes_effect_at_once() -> None:
    tape = busy(7)
    high = tape.trade(2 * HOUR_S + 1, 9_000, 5)
    tape.trade(2 * HOUR_S + 1, 2_001, 1)
    tape.trade(2 * HOUR_S + 700, 2_000, 1)
    while minutes_roll():
        pass
    assert shown(tape)[3][-1].high_ticks == 9_000
    tape.bust(high)
    after_bust = shown(tape)
    assert after_bust[3][-1].high_ticks < 9_000
    MinuteCandle.objects.filter(instrument=tape.instrument).delete()
    MinutesRolled.objects.filter(instrument=tape.instrument).delete()
    assert shown(tape) == after_bust
