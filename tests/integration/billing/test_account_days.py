"""What accounts had and what moved, from the sums of days: exactly what adding up a whole life gives."""

import threading
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from billing.ledger.chart import PER_ORGANISATION, AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep
from billing.rules.windows import next_month
from billing.selectors.balances import organisation_balance
from billing.selectors.balances_as_of import BY_DAYS, HELD, balances_as_of
from billing.selectors.invariants import INVARIANTS
from billing.selectors.monthly import MONEY, monthly_statement
from billing.services.days_roll import _ADD, _TAKE, days_roll
from billing.services.ledger_post import ledger_post
from core.retry import transact
from tests.database import refused_by_database
from tests.integration.billing.books import CASH, NOW, entry, hold, new_account, post, rows
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("db")
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TRANSIT = of_house(Kind.TRANSIT)
_PLAIN = """
    SELECT coalesce(sum(p.amount), 0)::bigint FROM billing_posting p JOIN billing_entry e ON e.id = p.entry_id
    WHERE p.account_id = ANY(%s) AND p.counter_id <> ALL(%s) AND e.booked_at < %s
"""
_TRANSIT = """
    SELECT coalesce(-sum(p.amount), 0)::bigint
    FROM billing_posting p JOIN billing_entry e ON e.id = p.entry_id
    WHERE p.account_id = ANY(%s) AND p.counter_id = %s AND e.booked_at < %s
"""
TICK = timedelta(microseconds=1)


def accounts(who: uuid.UUID) -> list[AccountRef]:
    return [of_organisation(kind, who) for kind in sorted(PER_ORGANISATION, key=lambda kind: kind.value)]


def booked(at: datetime, *legs: tuple[AccountRef, AccountRef, int]) -> None:
    transact(lambda: ledger_post(entries=[entry(*legs)], now=at))


def broken() -> list[tuple[str, ...]]:
    (invariant,) = (one for one in INVARIANTS if one.name == "days_are_sums")
    return rows(invariant.broken_sql.replace("%", "%%"))


def agree(who: uuid.UUID, moment: datetime) -> None:
    """Compare everything that is read of a moment with the plain sums of all transfers until then."""
    own, until = accounts(who), moment + TICK
    found = balances_as_of(own, moment)
    for account in own:
        assert found[account].posted == rows(_PLAIN, [account.id], [], until)[0][0]
    ids = [of_organisation(kind, who).id for kind in (Kind.FUNDING, Kind.WALLET)]
    assert organisation_balance(who, as_of=moment).transit == rows(_TRANSIT, ids, TRANSIT.id, until)[0][0]


def agree_on_month(who: uuid.UUID, start: datetime) -> None:
    own = [account.id for account in accounts(who)]
    inside = [*own, TRANSIT.id]
    found = monthly_statement(organisation_id=who, start=start)
    assert found.opening_nano_usd == rows(_PLAIN, own, inside, start)[0][0]
    assert found.closing_nano_usd == rows(_PLAIN, own, inside, next_month(start))[0][0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["in", "transit", "wallet", "out", "roll"]),
        st.integers(1, 10**12),
        st.integers(0, 24 * 75) | st.sampled_from([0, 24, 24 * 31, 24 * 59]),
    ),
    min_size=1,
    max_size=14,
)


@given(STEPS, st.integers(0, 24 * 80))
@trials(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_of_days_are_the_plain_sum_whenever_it_was_booked_and_added_up(steps, hours):
    who = uuid.uuid4()
    funding, wallet = of_organisation(Kind.FUNDING, who), of_organisation(Kind.WALLET, who)
    booked(START, (CASH, funding, 10**15), (CASH, wallet, 10**15), (funding, TRANSIT, 10**14))
    ways = {
        "in": (CASH, funding),
        "transit": (funding, TRANSIT),
        "wallet": (TRANSIT, wallet),
        "out": (wallet, funding),
    }
    for what, amount, hour in steps:
        if what == "roll":
            days_roll()
        else:
            booked(START + hour * HOUR, (*ways[what], amount))
    for moment in (START + hours * HOUR, START + 40 * 24 * HOUR, START - TICK):
        agree(who, moment)
    for start in (START, next_month(START), next_month(next_month(START))):
        agree_on_month(who, start)


def test_it_stays_right_when_a_lower_transaction_commits_after_the_cut():
    account = new_account()
    assert account.organisation_id
    booked(NOW, (CASH, account, 100))
    with psycopg.connect(settings.DATABASE_URL) as late:
        ledger_post(entries=[entry((CASH, new_account(), 1))], now=NOW, connection=late)
        low = late.execute("SELECT core_xid()").fetchone()
        days_roll()
        assert rows("SELECT cut_xid FROM billing_daysrolled") <= [low]
        booked(NOW, (CASH, account, 7))
        agree(account.organisation_id, NOW + 48 * HOUR)
        late.commit()
    assert days_roll() > 0
    agree(account.organisation_id, NOW + 48 * HOUR)
    assert broken() == []


def test_two_that_add_up_at_once_take_turns():
    booked(NOW, (CASH, new_account(), 5))
    with psycopg.connect(settings.DATABASE_URL) as first:
        first.execute(_ADD, first.execute(_TAKE).fetchone())
        booked(NOW, (CASH, new_account(), 3))
        second = threading.Thread(target=_roll)
        second.start()
        eventually(lambda: rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")[0][0])
        first.commit()
        second.join()
    assert broken() == []


def _roll() -> None:
    try:
        days_roll()
    finally:
        connections.close_all()


def test_what_is_added_up_is_not_added_again():
    post(entry((CASH, new_account(), 5)))
    days_roll()
    before = rows("SELECT sum(amount) FROM billing_accountday")
    days_roll()
    assert rows("SELECT sum(amount) FROM billing_accountday") == before


def test_a_day_that_is_no_sum_is_found():
    account = new_account()
    booked(NOW, (CASH, account, 5))
    days_roll()
    with transaction.atomic(using="default"):
        rows("UPDATE billing_accountday SET amount = 6 WHERE account_id = %s RETURNING 1", account.id)
        assert broken() == [(f"day 2026-03-01 of {account.id}, test other in: 6, transfers 5",)]
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM billing_accountday WHERE false", "DELETE FROM billing_daysrolled WHERE false"]
)
def test_the_application_deletes_no_sums(sql):
    assert refused_by_database("default", sql) == "42501"


def test_what_is_read_of_a_moment_does_not_grow_with_what_was_before():
    """By the plan's own count of rows: days, and transfers since the cut; none of the account's life."""
    account, transfers = new_account(), 400
    with transaction.atomic():
        for number in range(transfers):
            ledger_post(entries=[entry((CASH, account, 1 + number))], now=NOW)
    days_roll()
    cut = rows("SELECT cut_xid FROM billing_daysrolled")[0][0]
    booked(NOW + 24 * HOUR, (CASH, account, 1))
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE billing_entry, billing_transfer, billing_account")
    asked = {"accounts": [account.id], "moment": NOW + 30 * HOUR, "own": [account.id], "known_cut": cut}
    month = {"start": datetime(2026, 4, 1, tzinfo=UTC), "end": datetime(2026, 5, 1, tzinfo=UTC)}
    for sql in (BY_DAYS, MONEY):
        _, read = plan(sql, asked | month)
        assert read < transfers / 4
    assert balances_as_of([account], NOW + 30 * HOUR)[account].posted == transfers * (transfers + 1) // 2 + 1


def plan(sql: str, parameters: dict) -> tuple[set[str], int]:
    """Return the indexes that a query uses, and how many rows of transfers and days it read."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql, parameters)
        ((found,),) = cursor.fetchall()
    nodes, indexes, read = [found[0]["Plan"]], set(), 0
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        indexes.add(node.get("Index Name"))
        if node.get("Relation Name") in ("billing_transfer", "billing_accountday"):
            seen = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            read += round(seen * node["Actual Loops"])
    return indexes - {None}, read


def test_what_was_held_is_read_from_open_holds_and_what_ended_since():
    account, payee = new_account(), new_account()
    first, second = hold(account, 60), hold(account, 20)
    later = HoldPlacement(uuid.uuid4(), account, 5, "test", "", None)
    post(entry((CASH, account, 100)), placements=(first, second))
    moments = [_clock()]
    for steps in (
        [HoldStep(first.hold_id, capture=10, release=5)],
        [HoldStep(first.hold_id, capture=10)],
        [HoldStep(second.hold_id, release=20)],
        [HoldStep(first.hold_id, release=35)],
    ):
        legs = [entry((account, payee, step.capture)) for step in steps if step.capture]
        transact(lambda legs=legs, steps=steps: ledger_post(entries=legs, steps=steps, now=_clock()))
        moments.append(_clock())
    transact(lambda: ledger_post(placements=[later], now=_clock()))
    moments.append(_clock())
    shown = [balances_as_of([account], moment)[account].held for moment in moments]
    assert shown == [80, 65, 55, 35, 0, 5]
    indexes, _ = plan(HELD, {"accounts": [account.id], "moment": moments[1]})
    assert {"hold_open", "holdevent_at", "holdevent_of_rest"} <= indexes


def _clock() -> datetime:
    return rows("SELECT clock_timestamp()")[0][0]
