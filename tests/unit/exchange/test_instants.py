"""Instants of a schedule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.instants import last_instant
from exchange.sequencer.auctions import Periods
from exchange.services.auctions_start import late_s

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("every_s", "offset_s", "seconds", "expected"),
    [
        (120, 0, 0, 0),
        (120, 0, 119.9, 0),
        (120, 0, 120, 120),
        (120, 30, 29, -90),
        (120, 30, 30, 30),
        (7, 0, 0, -2),
    ],
)
def test_instants_are_multiples_since_1970_plus_the_offset(every_s, offset_s, seconds, expected):
    now = NOON + timedelta(seconds=seconds)
    assert last_instant(every_s=every_s, offset_s=offset_s, now=now) == NOON + timedelta(seconds=expected)


@given(
    every_s=st.integers(1, 10**6),
    offset_s=st.integers(0, 10**6),
    ago=st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)),
)
def test_the_last_instant_is_less_than_a_period_ago(every_s, offset_s, ago):
    now = NOON - ago
    instant = last_instant(every_s=every_s, offset_s=offset_s, now=now)
    assert instant <= now < instant + timedelta(seconds=every_s)
    assert (instant.timestamp() - offset_s) % every_s == 0
    assert last_instant(every_s=every_s, offset_s=offset_s, now=instant) == instant


@pytest.mark.parametrize(("every_s", "late"), [(120, 20), (50, 15), (37, 2)])
def test_an_auction_starts_late_only_if_it_ends_in_time(every_s, late):
    assert late_s(every_s=every_s, periods=Periods(20, 10, 5)) == late
