"""Several prepared statements in one round trip, without a cursor for each.

The driver's cursors convert parameters and results, look up adapters and wait for each statement; where a
transaction is a handful of statements whose parameters are text already, that is most of its cost.
"""

import asyncio
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
    """SQL with `$1`, `$2`, …, and parameters in PostgreSQL's text form or its binary one; None is NULL."""

    sql: str
    parameters: Sequence[bytes | None] = ()
    is_binary: bool = False


_names = itertools.count()
"""Of all pipes of this process: a second one on a session must not take the names of the first."""


class Pipe:
    """A session on which nobody else runs anything while statements are on their way."""

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
        return self.send(statements).results()

    def send(self, statements: Iterable[Statement]) -> "Trip":
        """Send statements as `run` does, without waiting; nothing else is sent before they are back.

        Raises:
            psycopg.OperationalError: the session is gone.
        """
        trip = Trip(self._connection, self._prepared)
        try:
            for statement in statements:
                trip.add(statement)
        except BaseException:
            trip.end()
            trip.wait()
            raise
        trip.end()
        return trip


class Trip:
    """Statements that were sent, and what has come back of them."""

    def __init__(self, connection: psycopg.Connection[Any], prepared: dict[str, bytes]) -> None:
        """Set out on a session; `prepared` are the names of what is prepared on it."""
        self._connection = connection
        self._session = connection.pgconn
        self._prepared = prepared
        self._sent: list[tuple[str, bytes | None]] = []
        self._results: list[pq.abc.PGresult] = []
        self._failure: BaseException | None = None
        self._is_back = self._has_unsent = False
        self._waiter: asyncio.Future[None] | None = None
        self._session.enter_pipeline_mode()

    def add(self, statement: Statement) -> None:
        """Send one statement; one that is new on the session is prepared first."""
        known = self._prepared.get(statement.sql)
        fresh = None
        if known is None:
            known = fresh = b"pipe_%d" % next(_names)
            self._session.send_prepare(fresh, statement.sql.encode())
        formats = [pq.Format.BINARY] * len(statement.parameters) if statement.is_binary else None
        self._session.send_query_prepared(known, statement.parameters, formats)
        self._sent.append((statement.sql, fresh))
        if sum(map(len, filter(None, statement.parameters))) > _LONG_BYTES:
            self._session.flush()

    def end(self) -> None:
        """Send what marks the end; close a session on which that fails."""
        try:
            self._session.pipeline_sync()
            self._has_unsent = bool(self._session.flush())
        except BaseException:
            self._connection.close()  # what is under way on it is not known any more
            raise

    def push(self) -> None:
        """Send more of what did not fit into the socket. For whoever is busy while the server could work."""
        if self._has_unsent and not self._is_back:
            self._step()

    async def arrival(self) -> None:
        """Let others work until all is back; `results` then has it at once."""
        loop, socket = asyncio.get_running_loop(), self._session.socket
        while not self._step():
            self._waiter = loop.create_future()
            loop.add_reader(socket, self._wake)
            if self._has_unsent:
                loop.add_writer(socket, self._wake)
            await self._waiter
            loop.remove_reader(socket)
            loop.remove_writer(socket)

    def wait(self) -> None:
        """Wait until all is back, whatever it is."""
        poll = select.poll()
        while not self._step():
            poll.register(self._session.socket, select.POLLIN | (select.POLLOUT if self._has_unsent else 0))
            poll.poll()
        self._wake()

    def results(self) -> list[pq.abc.PGresult]:
        """Return the statements' results, waiting for them if need be; those of preparing are left out.

        Raises:
            psycopg.Error: what the first of them to fail raised, or the session is gone.
        """
        self.wait()
        if self._failure is not None:
            raise self._failure
        failure = next((result for result in self._results if result.status in _FAILED), None)
        arrived = iter(self._results)
        kept = []
        for sql, name in self._sent:
            if name is not None and next(arrived).status == pq.ExecStatus.COMMAND_OK:
                self._prepared[sql] = name
            kept.append(next(arrived))
        if failure is not None:
            raise error_from_result(failure)
        return kept

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _step(self) -> bool:
        """Send and read what is possible now; tell whether all is back. A session that fails is closed."""
        if self._is_back:
            return True
        try:
            self._is_back = self._advance()
        except BaseException as error:
            self._connection.close()  # what is under way on it is not known any more
            self._is_back, self._failure = True, error
        return self._is_back

    def _advance(self) -> bool:
        session = self._session
        session.consume_input()
        if self._has_unsent:
            self._has_unsent = bool(session.flush())
        while not session.is_busy():
            result = session.get_result()
            if result is None:  # the end of one statement's results
                if session.status != pq.ConnStatus.OK:
                    raise psycopg.OperationalError("The session ended.")
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                session.exit_pipeline_mode()
                return True
            self._results.append(result)
        return False
