"""What the exchange does by itself when its moment comes."""

from uuid import UUID

import pytest

from exchange.engine.orders import Phase
from exchange.sequencer import protocol as p
from exchange.sequencer.commands import timers
from tests.sequencer_memory import START, Desk
from tests.unit.sequencer.test_risk import instrument

ANN, BOB = UUID(int=2), UUID(int=3)


@pytest.fixture
def desk() -> Desk:
    return Desk(instrument(), ANN, BOB, funds=1_000_000_000, tier=1_000_000)


def test_a_switch_that_is_not_renewed_cancels_everything(desk):
    placed = [desk.order(ANN, "buy", 1_000, 5), desk.order(ANN, "sell", 2_000, 5)]
    other = desk.order(BOB, "buy", 1_000, 5)
    answer = desk.decide(p.SetDeadMan(ANN, 10))
    assert answer.body == {"timeout_s": 10, "expires_at": "2026-01-02T00:00:10.000000Z"}
    assert desk.at(9.999) == []
    (ran,) = desk.at(10)
    assert ran.body == {"done": [("dead_man", ANN.hex)]}
    assert [desk.open(order) for order in placed] == [None, None]
    assert desk.open(other) is not None
    assert desk.state.wallets[ANN].held == 0
    ended = [body for id, kind, body in desk.changes.account_events if body["status"] == "canceled"]
    assert len(ended) == 2
    assert {order.reason for order in desk.changes.orders.values()} == {"", "dead_man"}
    assert timers.next_due(desk.state) is None
    assert desk.at(1_000) == []


def test_a_switch_is_renewed_and_turned_off(desk):
    placed = desk.order(ANN, "buy", 1_000, 5)
    desk.decide(p.SetDeadMan(ANN, 10))
    desk.at(9)
    desk.decide(p.SetDeadMan(ANN, 10))
    assert desk.at(18.9) == []
    off = desk.decide(p.SetDeadMan(ANN, 0))
    assert off.body == {"timeout_s": 0, "expires_at": None}
    assert desk.at(100) == []
    assert desk.open(placed) is not None
    for refused in (-1, 86_401):
        assert desk.decide(p.SetDeadMan(ANN, refused)).body["error"]["param"] == "timeout_s"


def test_what_a_halted_book_keeps_is_canceled_as_soon_as_it_can_be(desk):
    placed = desk.order(ANN, "buy", 1_000, 5)
    desk.decide(p.SetDeadMan(ANN, 10))
    phases: list[Phase] = ["halted", "cancel_only"]
    desk.decide(p.SetPhase("x", phases[0]))
    for second in (10, 11, 12):
        assert [ran.body for ran in desk.at(second)] == [{"done": []}]
    assert desk.open(placed) is not None
    desk.decide(p.SetPhase("x", phases[1]))
    assert desk.at(12.9) == []
    assert [ran.body for ran in desk.at(13)] == [{"done": [("dead_man", ANN.hex)]}]
    assert desk.open(placed) is None


def test_more_than_one_tick_can_take_follows_in_the_next(desk, monkeypatch):
    monkeypatch.setattr(timers, "AT_ONCE", 2)
    for n in range(5):
        desk.decide(p.SetDeadMan(UUID(int=n + 10), n + 1))
    assert timers.next_due(desk.state) == START.replace(second=1)
    done = [len(ran.body["done"]) for ran in desk.at(60)]
    assert done == [2, 2, 1]
