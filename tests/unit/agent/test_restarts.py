"""When to try again, and when to say that trying does not help."""

import pytest

from agent.backoff import Backoff
from agent.crash_loop import CrashLoop


def test_three_crashes_within_ten_minutes_are_a_loop():
    loop = CrashLoop()
    for now_s in (0.0, 300.0):
        loop.crashed(now_s)
        assert not loop.is_looping(now_s)
    loop.crashed(600.0)
    assert loop.is_looping(600.0)


def test_crashes_spread_wider_than_that_are_not():
    loop = CrashLoop()
    for now_s in (0.0, 300.0, 600.1):
        loop.crashed(now_s)
    assert not loop.is_looping(600.1)
    loop.crashed(700.0)
    assert loop.is_looping(700.0)


def test_an_engine_that_settled_starts_with_a_clean_slate():
    loop = CrashLoop()
    for now_s in (0.0, 1.0):
        loop.crashed(now_s)
    loop.settled()
    loop.crashed(2.0)
    assert not loop.is_looping(2.0)


@pytest.mark.parametrize(("random", "share"), [(0.0, 0.5), (1.0, 1.0)])
def test_delays_double_up_to_the_longest_with_half_of_each_left_to_chance(monkeypatch, random, share):
    monkeypatch.setattr("random.random", lambda: random)
    backoff = Backoff()
    delays = [backoff.next_s() for _ in range(8)]
    assert delays == [share * ceiling for ceiling in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0)]
    backoff.attempts = 10_000
    assert backoff.next_s() == share * 10.0
    backoff.reset()
    assert backoff.next_s() == share * 0.2
