"""Several prepared statements in one round trip, without a cursor for each.

The driver's cursors convert parameters and results, look up adapters and wait for each statement; where a
transaction is a handful of statements whose parameters are text already, that is most of its cost.
"""

import itertools
import select
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

_LONG_BYTES: Final = 4_096
_FAILED = frozenset({pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE})


class Statement(NamedTuple):
    """SQL with `$1`, `$2`, …, and its parameters in PostgreSQL's text form (None is NULL)."""

    sql: str
    parameters: Sequence[bytes | None] = ()


_names = itertools.count()
"""Of all pipes of this process: a second one on a session must not take the names of the first."""


class Pipe:
    """A session on which nobody else runs anything while `run` is at work."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Use this session; what is prepared on it stays so."""
        self._connection = connection
        self._prepared: dict[str, bytes] = {}

    def run(self, statements: Iterable[Statement]) -> list[pq.abc.PGresult]:
        """Run statements one after the other, and return their results when all are there.

        A long one goes out as soon as it is made: the server works on it while the next is. After one that
        fails no other is run; outside of a transaction block, none has happened.

        Raises:
            psycopg.Error: what the first of them to fail raised, or the session is gone.
        """
        session = self._connection.pgconn
        sent: list[str] = []
        fresh: list[bytes | None] = []
        session.enter_pipeline_mode()
        try:
            for statement in statements:
                sent.append(statement.sql)
                fresh.append(self._send(session, statement))
                if sum(len(value) for value in statement.parameters if value) > _LONG_BYTES:
                    session.flush()
        finally:
            results = self._end(session)
        return self._checked(sent, fresh, results)

    def _end(self, session: pq.abc.PGconn) -> list[pq.abc.PGresult]:
        """Leave the pipeline and return its results; close a session on which that fails."""
        try:
            session.pipeline_sync()
            results = _results(session)
            session.exit_pipeline_mode()
        except BaseException:
            self._connection.close()  # what is under way on it is not known any more
            raise
        return results

    def _send(self, session: pq.abc.PGconn, statement: Statement) -> bytes | None:
        """Send one statement; one that is new is prepared first, and the name it gets returned."""
        known = self._prepared.get(statement.sql)
        if known is not None:
            session.send_query_prepared(known, statement.parameters)
            return None
        fresh = b"pipe_%d" % next(_names)
        session.send_prepare(fresh, statement.sql.encode())
        session.send_query_prepared(fresh, statement.parameters)
        return fresh

    def _checked(
        self,
        sent: Sequence[str],
        fresh: Sequence[bytes | None],
        results: Sequence[pq.abc.PGresult],
    ) -> list[pq.abc.PGresult]:
        """Return the statements' results without those of preparing, or raise the first failure."""
        failure = next((result for result in results if result.status in _FAILED), None)
        arrived = iter(results)
        kept = []
        for sql, name in zip(sent, fresh, strict=True):
            if name is not None and next(arrived).status == pq.ExecStatus.COMMAND_OK:
                self._prepared[sql] = name
            kept.append(next(arrived))
        if failure is not None:
            raise error_from_result(failure)
        return kept


def _results(session: pq.abc.PGconn) -> list[pq.abc.PGresult]:
    """Send what is queued, and return the results up to the pipeline's end.

    Raises:
        psycopg.OperationalError: the session ended meanwhile.
    """
    results: list[pq.abc.PGresult] = []
    poll = select.poll()
    unsent = session.flush()
    poll.register(session.socket, select.POLLIN | (select.POLLOUT if unsent else 0))
    while True:
        poll.poll()
        session.consume_input()
        if unsent:
            unsent = session.flush()
            poll.modify(session.socket, select.POLLIN | (select.POLLOUT if unsent else 0))
        while not session.is_busy():
            result = session.get_result()
            if result is None:  # the end of one statement's results
                if session.status != pq.ConnStatus.OK:
                    raise psycopg.OperationalError("The session ended.")
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return results
            results.append(result)
