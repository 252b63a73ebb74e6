"""Several statements in one round trip: results in order, all or nothing, and usable after a failure."""

from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings

from core.pipe import Pipe, Statement


@pytest.fixture
def session(db: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as session:
        session.execute("CREATE TEMPORARY TABLE kept (value text PRIMARY KEY)")
        yield session


INSERT = "INSERT INTO kept VALUES ($1)"


def values(session: psycopg.Connection) -> list[str]:
    return [value for (value,) in session.execute("SELECT value FROM kept ORDER BY value")]


def test_results_come_in_order_and_statements_are_prepared_once(session: psycopg.Connection) -> None:
    pipe = Pipe(session)
    for number in (b"1", b"2"):
        one, inserted, nothing = pipe.run(
            [
                Statement("SELECT $1::int + 1, $2::text", [number, None]),
                Statement(INSERT, [number]),
                Statement("SELECT 1 WHERE false"),
            ]
        )
        assert (one.get_value(0, 0), one.get_value(0, 1)) == (b"%d" % (int(number) + 1), None)
        assert inserted.command_tuples == 1
        assert nothing.ntuples == 0
    assert values(session) == ["1", "2"]
    assert session.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (3,)


def test_a_batch_larger_than_the_sockets_buffers_gets_through(session: psycopg.Connection) -> None:
    long = b"x" * 3_000_000
    results = Pipe(session).run([Statement("SELECT $1::text", [long])] * 4)
    assert [result.get_value(0, 0) == long for result in results] == [True] * 4


def test_after_a_failure_nothing_has_happened_and_the_pipe_goes_on(session: psycopg.Connection) -> None:
    pipe = Pipe(session)
    twice = [Statement(INSERT, [b"a"]), Statement(INSERT, [b"a"])]
    with pytest.raises(psycopg.errors.UniqueViolation):
        pipe.run([Statement("BEGIN"), *twice, Statement("COMMIT")])
    session.rollback()
    assert values(session) == []
    pipe.run([Statement("BEGIN"), Statement(INSERT, [b"b"]), Statement("COMMIT")])
    assert values(session) == ["b"]


def test_a_failure_while_statements_are_made_leaves_a_usable_session(session: psycopg.Connection) -> None:
    def statements() -> Iterator[Statement]:
        yield Statement("BEGIN")
        yield Statement(INSERT, [b"a"])
        raise LookupError

    pipe = Pipe(session)
    with pytest.raises(LookupError):
        pipe.run(statements())
    session.rollback()
    assert values(session) == []
    pipe.run([Statement(INSERT, [b"b"])])
    assert values(session) == ["b"]


def test_what_cannot_be_prepared_is_tried_again(session: psycopg.Connection) -> None:
    pipe = Pipe(session)
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            pipe.run([Statement("SELECT * FROM missing")])
    session.execute("CREATE TEMPORARY TABLE missing ()")
    (found,) = pipe.run([Statement("SELECT * FROM missing")])
    assert found.ntuples == 0


def test_a_session_that_was_ended_is_an_error_and_closed(session: psycopg.Connection) -> None:
    pid = session.info.backend_pid
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    with pytest.raises(psycopg.OperationalError):
        Pipe(session).run([Statement("SELECT 1")])
    assert session.closed
