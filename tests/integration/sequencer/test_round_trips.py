"""What a batch costs: two round trips, whatever it holds, and nothing planned twice."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from core.clock import utc_now
from core.pipe import Pipe
from exchange.sequencer.batch import Sequencer
from exchange.sequencer.owner import take_ownership
from exchange.sequencer.protocol import CancelAll, SetCapacity
from tests.builders import compute_class, organisation

PREPARED = "SELECT statement, generic_plans FROM pg_prepared_statements WHERE statement LIKE 'WITH written_%'"


@pytest.fixture
def writer(db: None) -> Iterator[Sequencer]:
    now = utc_now()
    yield Sequencer(shard="alone", epoch=take_ownership(shard="alone", now=now), now=now)
    connection.close()


def test_a_batch_takes_two_round_trips_and_is_planned_once(
    writer: Sequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips: list[int] = []
    run = Pipe.run

    def counted(pipe: Pipe, statements: Any) -> Any:
        results = run(pipe, statements)
        trips.append(len(results))
        return results

    monkeypatch.setattr(Pipe, "run", counted)
    code = compute_class().code
    for _ in range(3):
        provider = organisation().id
        verdicts = writer.run([SetCapacity(provider, code, 1, 1_000_000), CancelAll(provider)], utc_now())
        assert [verdict.status for verdict in verdicts] == [200, 200]
    assert len(trips) == 6
    session: psycopg.Connection[Any] = connection.connection
    assert [plans for _, plans in session.execute(PREPARED)] == [3]
