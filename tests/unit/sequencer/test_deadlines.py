"""Deadlines against a plain dictionary, and what the timer does at them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exchange.sequencer.deadlines import Deadlines, Key

START = datetime(2026, 1, 2, tzinfo=UTC)
keys = st.tuples(st.sampled_from("ab"), st.sampled_from("12345"))
moments = st.integers(0, 9).map(lambda s: START + timedelta(seconds=s))
moves = st.one_of(
    st.tuples(st.just("set"), keys, moments),
    st.tuples(st.just("postpone"), keys, moments),
    st.tuples(st.just("clear"), keys, moments),
)


@given(st.lists(moves, max_size=200), moments, st.integers(0, 12))
def test_what_is_due_is_what_a_dictionary_says(steps, now, limit):
    deadlines = Deadlines()
    plain: dict[Key, datetime] = {}
    for what, key, at in steps:
        if what == "set":
            deadlines.set(key, at)
            plain[key] = at
        elif what == "postpone":
            deadlines.postpone(key, at)
            if key in plain:
                plain[key] = max(at, plain[key])
        else:
            deadlines.clear(key)
            plain.pop(key, None)
        assert deadlines.first() == min(plain.values(), default=None)
    due = sorted((at, key) for key, at in plain.items() if at <= now)
    for _ in range(2):  # asking changes nothing
        assert deadlines.due(now, limit) == [key for _, key in due][:limit]


def test_a_key_that_moves_for_ever_takes_no_room():
    deadlines = Deadlines()
    for n in range(10_000):
        deadlines.set(("a", "1"), START + timedelta(seconds=n))
        deadlines.set(("b", str(n)), START)
        deadlines.clear(("b", str(n)))
    assert len(deadlines._heap) < 300


def test_what_is_set_again_for_its_moment_is_due_once():
    deadlines = Deadlines()
    deadlines.set(("k", "a"), START)
    deadlines.clear(("k", "a"))
    deadlines.set(("k", "a"), START)
    assert deadlines.due(START, 10) == [("k", "a")]


def test_a_switch_that_is_renewed_for_ever_takes_no_more_memory():
    deadlines = Deadlines()
    for second in range(10_000):
        deadlines.set(("a", "1"), START + timedelta(seconds=second))
    assert len(deadlines._heap) <= 66
    assert deadlines.first() == START + timedelta(seconds=9_999)
