"""What the locks of the sequencer are for."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections

from billing.ledger.chart import Kind, of_organisation
from billing.models import Balance
from core.clock import utc_now
from exchange.sequencer.batch import _Lookup
from exchange.sequencer.owner import take_ownership
from tests.builders import unique
from tests.database import is_waited_for
from tests.integration.billing.books import funded
from tests.races import race
from tests.waiting import eventually


@pytest.fixture
def lookup(db: None) -> Iterator[_Lookup]:
    """Return a batch's view of the database, in a session of its own."""
    with psycopg.connect(settings.DATABASE_URL) as session:
        yield _Lookup(session, lambda: None, utc_now())


def test_a_balance_at_work_is_not_taken(lookup: _Lookup) -> None:
    account = funded(5)
    held = Balance.objects.select_for_update(no_key=True).filter(account_id=account.id)
    assert race(lambda: len(held), lambda: lookup.take_balance(account.id)) == (1, False)
    assert lookup.take_balance(account.id)


def test_a_balance_that_nobody_has_made_yet_is_free(lookup: _Lookup) -> None:
    assert lookup.take_balance(of_organisation(Kind.FUNDING, uuid.uuid4()).id)


def test_a_sequencer_waits_for_the_end_of_the_one_before_it(db: None) -> None:
    shard = unique("shard")
    assert take_ownership(shard=shard, now=utc_now()) == 1
    with ThreadPoolExecutor(1) as thread:
        second = thread.submit(take_ownership, shard=shard, now=utc_now())
        thread.submit(connections.close_all)
        eventually(lambda: is_waited_for() or second.done())
        assert not second.done()
        connection.close()
        assert second.result() == 2
