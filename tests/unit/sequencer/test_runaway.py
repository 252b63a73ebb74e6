"""A market that trades as none should."""

from datetime import timedelta
from uuid import UUID

import pytest

from exchange.sequencer import protocol as p
from exchange.sequencer import runaway
from exchange.sequencer.runaway import MOST_TRADES, Output
from tests.sequencer_memory import START, Desk
from tests.unit.sequencer.test_risk import instrument

ANN, BOB = UUID(int=2), UUID(int=3)


def test_trades_are_counted_in_windows():
    output = Output()
    assert not output.count(MOST_TRADES, START)
    assert output.count(1, START + timedelta(seconds=9.9))
    assert not output.count(MOST_TRADES, START + timedelta(seconds=10))
    assert output.count(1, START + timedelta(seconds=19.9))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(runaway, "MOST_TRADES", 2)
    return Desk(instrument(), ANN, BOB, funds=1_000_000_000, tier=1_000_000)


def trade(desk: Desk) -> None:
    desk.order(BOB, "sell", 1_000, 1)
    desk.order(ANN, "buy", 1_000, 1)


def test_too_many_trades_halt_the_market_before_the_next_command(desk):
    for second in range(2):
        assert desk.at(second) == []
        trade(desk)
    assert desk.at(2) == []
    trade(desk)
    (tick,) = desk.at(2)
    assert tick.body == {"done": [("runaway", "x")]}
    assert desk.state.markets["x"].engine.current_phase == "halted"
    assert desk.order(ANN, "buy", 1_000, 1).body["error"]["code"] == "instrument_not_trading"
    desk.decide(p.SetPhase("x", "continuous"))
    trade(desk)
    assert desk.at(3) == []
    assert len(desk.changes.trades) == 4


def test_a_preview_counts_for_nothing(desk):
    for _ in range(2):
        trade(desk)
    desk.order(BOB, "sell", 1_000, 1)
    order = p.NewOrder(organisation_id=ANN, instrument="x", side="buy", price_ticks=1_000, quantity_lots=1)
    assert desk.decide(p.Preview(order)).body["cumulative_lots"] == 1
    assert desk.at(0) == []
