"""What a batch costs: a look-up and a round trip, whatever it holds, and nothing planned twice."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from core.clock import utc_now
from core.pipe import Pipe, Trip
from exchange.sequencer.batch import Sequencer
from exchange.sequencer.protocol import CancelAll, SetCapacity
from tests.builders import compute_class, organisation
from tests.sequencer_writer import writers

PREPARED = "SELECT statement, generic_plans FROM pg_prepared_statements WHERE statement LIKE 'WITH written_%'"


@pytest.fixture
def writer(db: None) -> Iterator[Sequencer]:
    with writers() as writer_at:
        yield writer_at(utc_now())


def test_a_batch_takes_a_round_trip_beside_its_look_up_and_is_planned_once(
    writer: Sequencer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips: list[Trip] = []
    send = Pipe.send

    def counted(pipe: Pipe, statements: Any) -> Any:
        trips.append(send(pipe, statements))
        return trips[-1]

    monkeypatch.setattr(Pipe, "send", counted)
    code = compute_class().code
    for _ in range(3):
        provider = organisation().id
        commands = [SetCapacity(provider, code, 1, 1_000_000), CancelAll(provider, "key")]
        verdicts = writer.run(commands, utc_now())
        assert [verdict.status for verdict in verdicts] == [200, 200]
    assert len(trips) == 6
    session: psycopg.Connection[Any] = connection.connection
    assert [plans for _, plans in session.execute(PREPARED)] == [3]
