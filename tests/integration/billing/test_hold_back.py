"""Hold-back matures first in, first out, exactly, after the period of the trust tier; card risk stays."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings

from accounts.models import Organisation
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import CardSpend, Entry
from billing.selectors.hold_back import hold_back_by_day
from billing.services.hold_back_mature import hold_back_mature
from billing.services.ledger_post import ledger_post
from core.clock import utc_now
from core.retry import transact
from inference.models import Provider
from inference.services.hold_backs_mature import hold_backs_mature
from tests import builders
from tests.integration.billing.books import CASH, balance, new_key
from tests.integration.billing.test_card_lots import lot, spend

pytestmark = pytest.mark.usefixtures("db")
NOON = utc_now().replace(hour=12, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def held_back(who: Organisation, amount: int, *, days_ago: float, kind: str = "settle") -> None:
    """Hold money of a provider back; a negative amount is taken out again, for cover."""
    account = of_organisation(Kind.HOLD_BACK, who.id)
    legs = Leg(CASH, account, amount) if amount > 0 else Leg(account, of_house(Kind.INSURANCE), -amount)
    at = NOON - timedelta(days=days_ago)
    entry = JournalEntry(new_key(), kind, (legs,), at)
    transact(lambda: ledger_post(entries=[entry], now=at))


def mature(who: Organisation, now=NOON, period: timedelta = WEEK) -> int:
    return hold_back_mature(organisation_id=who.id, period=period, now=now)


def figures(who: Organisation) -> tuple[int, int, int]:
    """Return hold-back, earnings, and what of the earnings is set aside."""
    posted, held = balance(of_organisation(Kind.EARNINGS, who.id))
    return balance(of_organisation(Kind.HOLD_BACK, who.id))[0], posted, held


def test_what_is_old_enough_matures_once_a_day_and_exactly():
    who = builders.organisation()
    for amount, days_ago in ((101, 9), (10, 7.6), (7, 7.4), (3, 0.1)):
        held_back(who, amount, days_ago=days_ago)
    assert mature(who) == 111  # the day that began 7 days before midnight is not over
    assert figures(who) == (10, 111, 0)
    assert mature(who, NOON + timedelta(hours=11)) == 0
    assert mature(who, NOON + DAY) == 7
    assert mature(who, NOON + 30 * DAY) == 3
    assert figures(who) == (0, 121, 0)
    assert Entry.objects.filter(key__startswith=f"hold_back:{who.id.hex}:").count() == 3


def test_cover_eats_the_oldest_and_what_it_gives_back_is_as_old_as_it_was():
    who = builders.organisation()
    held_back(who, 100, days_ago=10)
    held_back(who, 50, days_ago=3)
    held_back(who, -60, days_ago=2)
    assert mature(who) == 40
    held_back(who, -20, days_ago=-0.1)  # of the younger
    assert mature(who, NOON + DAY) == 0
    held_back(who, 5, days_ago=-1.1, kind="cover_close")
    assert mature(who, NOON + 5 * DAY) == 35
    assert figures(who) == (0, 75, 0)


def test_more_eaten_than_is_old_leaves_nothing_to_mature():
    who = builders.organisation()
    held_back(who, 100, days_ago=10)
    held_back(who, 50, days_ago=3)
    held_back(who, -120, days_ago=2)
    assert mature(who) == 0
    assert Entry.objects.filter(key__startswith=f"hold_back:{who.id.hex}:").count() == 0
    assert hold_back_by_day(organisation_id=who.id, since=NOON - WEEK) == [((NOON - 3 * DAY).date(), 30)]


def test_card_money_still_at_risk_stays_set_aside_when_it_matures():
    payer, provider = builders.organisation(), builders.organisation()
    row = lot(payer, 100)
    with time_machine.travel(NOON - 8 * DAY, tick=False):
        spend(payer, provider, earned=70, held_back=50)
    held_back(provider, 40, days_ago=8)
    assert mature(provider, NOON + 60 * DAY, period=timedelta(days=1)) == 90
    assert figures(provider) == (0, 160, 70)  # by then the card was no risk any more
    assert row.at_risk_until < NOON + 60 * DAY


def test_the_risk_of_hold_back_goes_over_to_the_earnings():
    payer, provider = builders.organisation(), builders.organisation()
    row = lot(payer, 100)
    spend(payer, provider, earned=70, held_back=50)
    held_back(provider, 40, days_ago=-1)
    assert mature(provider, NOON + 3 * DAY, period=DAY) == 90
    assert figures(provider) == (0, 160, 100)
    (noted,) = CardSpend.objects.filter(lot=row)
    assert (noted.held_back_nano_usd, noted.matured_nano_usd) == (30, 30)


@pytest.mark.parametrize(("tier", "days"), [("L0", 30), ("L1", 7), ("L2", 4), ("L3", 2), ("L9", 30)])
def test_each_tier_has_its_period(tier, days):
    who = builders.organisation()
    Provider.objects.create(organisation=who, name="p", trust_tier=tier)
    held_back(who, 10, days_ago=days)
    held_back(who, 100, days_ago=days + 1)
    assert settings.HOLD_BACK_DAYS.get(tier, 30) == days
    assert hold_backs_mature(now=NOON) >= 1
    assert figures(who) == (10, 100, 0)
    hold_backs_mature(now=NOON)
    assert figures(who) == (10, 100, 0)
