"""Every guard of the database, removed in turn: what it alone refuses is let through then.

So no guard is there for nothing, and none can be dropped unseen: `tests/guards/listed.txt` names them all.
After a new one, `.venv/bin/python -m tests.guards --write`; see CONTRIBUTING.
"""

import psycopg
import pytest

from core.embedded.postgres import Postgres
from tests.environment import ROOT, VAR
from tests.guards.catalogue import Sort, guards, listed
from tests.guards.locks import locks
from tests.guards.probes import fault
from tests.guards.races import RACES

pytestmark = pytest.mark.usefixtures("servers")


@pytest.fixture(scope="module")
def cursor(servers: None):
    """Return a cursor of the superuser in a transaction that is rolled back."""
    with psycopg.connect(Postgres(VAR).role_url("postgres")) as session, session.cursor() as made:
        made.execute("SET lock_timeout = '20s'")
        yield made
        session.rollback()


def test_the_guards_are_those_listed(cursor):
    there = {str(guard) for guard in guards(cursor) | locks(cursor)}
    assert sorted(there - listed()) == [], "python -m tests.guards --write lists them"
    assert sorted(listed() - there) == [], "a guard is gone"


def test_every_lock_has_a_test_that_fails_without_it(cursor):
    """Whether it does is what `python -m tests.guards --locks` tries."""
    assert sorted({str(lock) for lock in locks(cursor)} ^ RACES.keys()) == []
    tests = sorted(test.partition("[")[0].split("::") for test in RACES.values())
    assert [name for path, name in tests if f"\ndef {name}(" not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize(
    "sort", [sort for sort in Sort if sort is not Sort.LOCK], ids=lambda sort: sort.value
)
def test_without_a_guard_what_it_refuses_is_let_through(cursor, sort):
    tried = sorted(guard for guard in guards(cursor) if guard.sort is sort)
    assert tried
    assert [said for guard in tried if (said := fault(cursor, guard))] == []
