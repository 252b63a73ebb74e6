"""Balances as of any moment, by the time of booking and by the time of the event."""

from dataclasses import replace
from datetime import timedelta

import pytest

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep
from billing.selectors.account_balance import AccountBalance
from billing.selectors.balances import balances, organisation_balance
from billing.selectors.balances_as_of import Clock, balances_as_of
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import to_transit
from core.clock import utc_now
from core.retry import transact
from tests.integration.billing.books import CASH, NOW, entry, hold, new_account, rows

pytestmark = pytest.mark.usefixtures("db")
HOUR = timedelta(hours=1)


def booked(at, *entries, **changes):
    """Post at a moment."""
    transact(lambda: ledger_post(entries=entries, now=at, **changes))


def test_a_balance_of_the_past_is_what_was_booked_until_then():
    account, payee = new_account(), new_account()
    booked(NOW, entry((CASH, account, 100)))
    booked(NOW + 2 * HOUR, entry((account, payee, 30)))
    shown = [
        balances_as_of([account, payee], NOW + shift)
        for shift in (-timedelta(microseconds=1), 0 * HOUR, HOUR, 2 * HOUR)
    ]
    assert [(found[account].posted, found[payee].posted) for found in shown] == [
        (0, 0),
        (100, 0),
        (100, 0),
        (70, 30),
    ]


def test_what_is_booked_late_counts_by_event_time_from_when_it_happened():
    account = new_account()
    booked(NOW + 5 * HOUR, replace(entry((CASH, account, 40)), event_at=NOW))
    assert balances_as_of([account], NOW + HOUR)[account].posted == 0
    assert balances_as_of([account], NOW + HOUR, clock=Clock.EVENT)[account].posted == 40


def test_a_house_account_has_a_past_too():
    account, rounding = new_account(), of_house(Kind.ROUNDING)
    before = balances([rounding])[rounding].posted
    at = utc_now()
    booked(at, entry((CASH, account, 9)))
    booked(at + HOUR, entry((account, rounding, 9)))
    assert balances_as_of([rounding], at)[rounding].posted == before
    assert balances_as_of([rounding], at + HOUR)[rounding].posted == before + 9


def test_what_was_held_is_shown_as_it_stood():
    account, payee = new_account(), new_account()
    placed = hold(account, 60)
    expiring = HoldPlacement(hold(account, 1).hold_id, account, 15, "test", "", utc_now() + HOUR)
    start = utc_now()
    booked(start, entry((CASH, account, 100)), placements=(placed, expiring))
    before_step = _clock()
    booked(utc_now(), entry((account, payee, 20)), steps=(HoldStep(placed.hold_id, capture=20, release=5),))
    after_step = _clock()
    booked(utc_now(), steps=(HoldStep(placed.hold_id, release=35),))
    end = utc_now()
    moments = (start - HOUR, before_step, after_step, end, end + 2 * HOUR)
    assert [balances_as_of([account], moment)[account] for moment in moments] == [
        AccountBalance(0, 0),
        AccountBalance(100, 75),
        AccountBalance(80, 50),
        AccountBalance(80, 15),
        AccountBalance(80, 0),
    ]
    assert balances_as_of([account], end, clock=Clock.EVENT)[account] == AccountBalance(80, 0)


def test_an_organisation_sees_all_its_money_as_it_was():
    funding = new_account()
    organisation_id = funding.organisation_id
    wallet = of_organisation(Kind.WALLET, organisation_id)
    transit = of_house(Kind.TRANSIT)
    booked(NOW, entry((CASH, funding, 100)))
    to_transit(organisation_id=organisation_id, amount_nano_usd=60, key="k", now=NOW + HOUR)
    booked(NOW + 2 * HOUR, entry((transit, wallet, 60)), placements=(hold(wallet, 10),))
    shown = [organisation_balance(organisation_id, as_of=NOW + hours * HOUR) for hours in range(3)]
    assert [(own.funding, own.transit, own.wallet_posted, own.wallet_held) for own in shown] == [
        (100, 0, 0, 0),
        (40, 60, 0, 0),
        (40, 0, 60, 10),
    ]
    assert shown[2] == organisation_balance(organisation_id)


def _clock():
    """Return the database's time, which is what steps of holds are noted at."""
    return rows("SELECT clock_timestamp()")[0][0]
