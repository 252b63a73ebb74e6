"""A cover that is cut off at any point, or run by several at once, ends as if it had run once."""

import pytest

from exchange.models import Cover
from exchange.services import cover_run as steps
from tests.integration.contract.books import (
    at_once,
    offer,
)
from tests.integration.contract.covers import (
    HOLD_BACK,
    TOP_UP,
    Scene,
    fail,
    take_offers_away_before_buying,
    the_covered,
    the_returned,
)

STEPS = ("offers_pull", "_top_up", "wallet_fill", "order_fill", "wallet_empty", "_move", "_end")


class CrashError(Exception):
    """The process ends here."""


class Crashes:
    """Ends a run before or after its n-th step, what is committed by then staying."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        for name in STEPS:
            monkeypatch.setattr(steps, name, self._crashing(getattr(steps, name)))

    def _crashing(self, step):
        def run(*arguments, **fields):
            self._pass()
            result = step(*arguments, **fields)
            self._pass()
            return result

        return run

    def _pass(self) -> None:
        if self.left == 0:
            self.left = -1
            raise CrashError
        self.left -= 1


def crash_everywhere(scene_of, run, monkeypatch, check) -> int:
    """Run scenes that crash at the first, second, … point until one does not crash; return how many did."""
    crashes = Crashes(monkeypatch)
    for point in range(100):
        scene = scene_of()
        crashes.left = point
        try:
            run(scene)
        except CrashError:
            run(scene)
            check(scene)
        else:
            check(scene)
            return point
    raise AssertionError("it crashes without end")


def test_a_crash_at_any_point_of_a_cover_changes_nothing_in_the_end(exchange, monkeypatch):
    crashed = crash_everywhere(fail, Scene.run, monkeypatch, the_covered)
    assert crashed == 22


def test_a_crash_at_any_point_of_a_return_changes_nothing_in_the_end(exchange, monkeypatch):
    current: list[Scene] = []
    take_offers_away_before_buying(lambda: current[-1], monkeypatch)

    def scene_of():
        current.append(fail())
        return current[-1]

    def run(scene):
        scene.run()
        scene.end()

    assert crash_everywhere(scene_of, run, monkeypatch, the_returned) == 28


def test_a_crash_at_any_point_of_a_return_from_transit_changes_nothing_in_the_end(exchange, monkeypatch):
    crashed = crash_everywhere(lambda: fail(asks=False), Scene.end, monkeypatch, the_returned)
    assert crashed == 4


def test_eight_runs_at_once_have_one_effect(exchange):
    for _ in range(3):
        scene = fail()
        assert "covered" in at_once([scene.run] * 8)
        the_covered(scene)


def test_a_run_that_comes_late_with_its_order_buys_nothing_that_was_given_back(exchange, monkeypatch):
    scene = fail()
    take_offers_away_before_buying(lambda: scene, monkeypatch)
    fill = steps.order_fill

    def others_first(cover):
        monkeypatch.setattr(steps, "order_fill", fill)
        assert scene.end() == "returned"
        offer(scene.market, scene.other, 2_301, 10)
        return fill(cover)

    monkeypatch.setattr(steps, "order_fill", others_first)
    assert scene.run() == "returned"
    the_returned(scene)


def test_runs_at_once_around_the_end_either_cover_or_return(exchange):
    outcomes = set()
    for turn in range(6):
        scene = fail()
        works = [scene.run, scene.end] * 3
        at_once(works if turn % 2 else works[::-1])
        scene.end()
        state = Cover.objects.get(id=scene.cover.id).state
        (the_covered if state == "covered" else the_returned)(scene)
        outcomes.add(state)
    assert outcomes <= {"covered", "returned"}


def test_two_covers_that_need_the_last_insurance_do_not_overdraw_it(exchange):
    one = fail(insurance=0)
    two = fail(insurance=TOP_UP - HOLD_BACK)
    at_once([one.run, two.run])
    states = {one.end(), two.end()}
    assert states == {"covered", "returned"}
