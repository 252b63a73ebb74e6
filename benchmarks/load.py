"""A cheap load generator: requests serialised beforehand, raw non-blocking sockets, one epoll loop.

It shares the machine with what it measures, so it does as little as it can per answer: it finds the end of
the answer, looks at the status and notes the time. What it takes of a core is reported (`Run.cpu_s`).
"""

import random
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Requests = Sequence[Iterator[bytes]]
"""For each connection the requests to send, one after the other. They must not run out."""

_MADE = b'"status":201'
_SEED = 20_240_229
_LONGEST_WAIT_S = 10.0


class UnexpectedAnswerError(Exception):
    """A request was refused: the figures would not be about what they name."""


@dataclass(slots=True)
class Run:
    """What was measured: seconds each answer took, in the order of arrival, and the whole."""

    latencies_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        """Return answers a second."""
        return len(self.latencies_s) / self.wall_s

    def percentile_ms(self, percent: float) -> float:
        """Return the latency in ms that this percentage of the answers did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1_000


class _Connection:
    """One keep-alive connection with at most one request under way; `started` is when that was due."""

    __slots__ = ("_buffer", "_made", "_requests", "_socket", "fileno", "started")

    def __init__(self, address: tuple[str, int], requests: Iterator[bytes], made: int) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self.fileno = self._socket.fileno()
        self._requests = requests
        self._made = made
        self._buffer = b""
        self.started = 0.0

    def send(self, due: float) -> None:
        """Send the next request, which was due at this time. It always fits the socket."""
        self.started = due
        request = next(self._requests)
        if self._socket.send(request) != len(request):
            raise UnexpectedAnswerError("The request did not fit into the socket's buffer.")

    def has_answer(self) -> bool:
        """Read; tell whether the answer is complete. UnexpectedAnswerError if it is no 2xx."""
        data = self._socket.recv(1 << 18)
        if not data:
            raise UnexpectedAnswerError("The server closed the connection.")
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + _content_length(data, end):
            self._buffer = data
            return False
        self._buffer = b""
        if data[9:10] != b"2" or (self._made and data.count(_MADE) != self._made):
            raise UnexpectedAnswerError(data.decode(errors="replace"))
        return True

    def close(self) -> None:
        self._socket.close()


def _content_length(data: bytes, end: int) -> int:
    place = data.find(b"content-length: ", 0, end)
    if place < 0:
        place = data.lower().find(b"content-length: ", 0, end)
    return int(data[place + 16 : data.find(b"\r\n", place)])


class Load:
    """Connections to one server, and two ways to use them."""

    def __init__(self, port: int, requests: Requests, *, made: int = 0) -> None:
        """Connect to this port of the machine itself, once for each iterator of requests.

        Each answer must tell of so many things made (a batch's results).
        """
        self._connections = [_Connection(("127.0.0.1", port), each, made) for each in requests]
        self._by_fileno = {connection.fileno: connection for connection in self._connections}
        self._epoll = select.epoll()
        for fileno in self._by_fileno:
            self._epoll.register(fileno, select.EPOLLIN)

    def close(self) -> None:
        """Close every connection."""
        self._epoll.close()
        for connection in self._connections:
            connection.close()

    def closed_loop(self, seconds: float) -> Run:
        """Send on each connection as soon as its last answer is there; end when all answers are in."""
        run, clock = Run(), time.perf_counter
        started, cpu = clock(), time.process_time()
        for connection in self._connections:
            connection.send(clock())
        under_way, stop = len(self._connections), started + seconds
        while under_way:
            for connection in self._answered():
                now = clock()
                run.latencies_s.append(now - connection.started)
                if now < stop:
                    connection.send(now)
                else:
                    under_way -= 1
        run.wall_s, run.cpu_s = clock() - started, time.process_time() - cpu
        return run

    def open_loop(self, rate: float, seconds: float) -> Run:
        """Send at random moments (a Poisson process of this rate), whatever became of the requests before.

        A latency counts from the moment for which the request was meant: one that had to wait for a
        free connection, or for this loop, is charged with that.
        """
        run, clock = Run(), time.perf_counter
        random_gap = random.Random(_SEED).expovariate
        started, cpu = clock(), time.process_time()
        due, stop = started + random_gap(rate), started + seconds
        waiting: deque[float] = deque()
        free = list(self._connections)
        while due < stop or waiting or len(free) < len(self._connections):
            now = clock()
            while due <= now and due < stop:
                waiting.append(due)
                due += random_gap(rate)
            while waiting and free:
                free.pop().send(waiting.popleft())
            for connection in self._answered(max(0.0, due - clock()) if due < stop else _LONGEST_WAIT_S):
                run.latencies_s.append(clock() - connection.started)
                free.append(connection)
        run.wall_s, run.cpu_s = clock() - started, time.process_time() - cpu
        return run

    def _answered(self, wait_s: float = _LONGEST_WAIT_S) -> Iterator[_Connection]:
        """Give the connections whose answer has come; wait at most so long for the first."""
        ready = self._epoll.poll(wait_s)
        if not ready and wait_s == _LONGEST_WAIT_S:
            raise UnexpectedAnswerError(f"No answer within {_LONGEST_WAIT_S} s.")
        for fileno, _ in ready:
            connection = self._by_fileno[fileno]
            if connection.has_answer():
                yield connection
