"""Old events go, the newest stay, and numbering goes on."""

from datetime import timedelta

import pytest

from core.clock import utc_now
from exchange.models import AccountEvent, MarketEvent
from exchange.services.events_prune import ACCOUNT_WINDOW, MARKET_WINDOW, events_prune
from tests import builders

pytestmark = pytest.mark.usefixtures("db")
NOW = utc_now()
SECOND = timedelta(seconds=1)


def market_events(*ages: timedelta):
    """Write a market's events of these ages, in order; return what reads the numbers of those left."""
    listed = builders.instrument()
    MarketEvent.objects.bulk_create(
        MarketEvent(instrument=listed, sequence=n, at=NOW - age, payload="{}")
        for n, age in enumerate(ages, 1)
    )
    rows = MarketEvent.objects.filter(instrument=listed).order_by("sequence")
    return rows.values_list("sequence", flat=True).all


def account_events(*ages: timedelta):
    """Write an account's events of these ages, in order; return what reads the numbers of those left."""
    who = builders.organisation()
    AccountEvent.objects.bulk_create(
        AccountEvent(organisation=who, sequence=n, at=NOW - age, payload="{}")
        for n, age in enumerate(ages, 1)
    )
    rows = AccountEvent.objects.filter(organisation=who).order_by("sequence")
    return rows.values_list("sequence", flat=True).all


@pytest.mark.parametrize(
    ("written", "window"), [(market_events, MARKET_WINDOW), (account_events, ACCOUNT_WINDOW)]
)
def test_events_go_once_they_are_older_than_the_window(written, window):
    left = written(window + 2 * SECOND, window + SECOND, window, SECOND, 0 * SECOND)
    events_prune(now=NOW, keep=1)
    assert list(left()) == [3, 4, 5]


@pytest.mark.parametrize("written", [market_events, account_events])
def test_the_newest_events_stay_however_old_they_are(written):
    left = written(*[timedelta(days=400)] * 5)
    events_prune(now=NOW, keep=2)
    assert list(left()) == [4, 5]
    events_prune(now=NOW, keep=2)
    assert list(left()) == [4, 5]


def test_a_run_deletes_no_more_of_one_owner_than_it_may():
    left = market_events(*[timedelta(days=400)] * 7)
    deleted = [events_prune(now=NOW, keep=1, at_most=4) for _ in range(3)]
    assert list(left()) == [7]
    assert deleted[1:] == [2, 0]
