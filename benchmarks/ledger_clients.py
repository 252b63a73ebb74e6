"""Client processes with a session each, told by pipes what to do; they start together."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from django.db import connections

from benchmarks.ledger_workloads import WORKLOADS, Client

_WARM_S = 0.3
Work = Callable[[Client], int]


class Clients:
    """So many processes of their own; use `clients`."""

    def __init__(self, pipes: list[Connection]) -> None:
        """Talk to the processes through these."""
        self._pipes = pipes

    def rate(self, workload: str, seconds: float) -> float:
        """Return what all of them together do in a second, each as fast as it can (a closed loop)."""
        answers = self._ask(("closed", workload, seconds))
        return float(sum(count / took for count, took in answers))

    def latencies_ms(self, workload: str, rate: float, seconds: float) -> list[float]:
        """Return the latencies at this rate of all together (an open loop: waiting for one's turn counts)."""
        answers = self._ask(("open", workload, rate / len(self._pipes), seconds))
        return sorted(latency for answer in answers for latency in answer)

    def done(self, workload: str, times: int) -> None:
        """Have each do it so many times."""
        self._ask(("times", workload, times))

    def _ask(self, order: tuple[Any, ...]) -> list[Any]:
        for pipe in self._pipes:
            pipe.send(order)
        answers = [pipe.recv() for pipe in self._pipes]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


@contextmanager
def clients(count: int) -> Iterator[Clients]:
    """Start processes, each with a session to the database, and end them."""
    connections.close_all()  # a session is not shared with a child
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(count)
    pipes, processes = [], []
    for number in range(count):
        ours, theirs = fork.Pipe()
        process = fork.Process(target=_serve, args=(number, theirs, barrier), daemon=True)
        process.start()
        pipes.append(ours)
        processes.append(process)
    try:
        yield Clients(pipes)
    finally:
        for pipe in pipes:
            pipe.send(None)
        for process in processes:
            process.join()


def _serve(number: int, pipe: Connection, barrier: Barrier) -> None:
    client = Client(number)
    while (order := pipe.recv()) is not None:
        kind, workload, *rest = order
        try:
            pipe.send(_KINDS[kind](client, WORKLOADS[workload], barrier, *rest))
        except Exception as error:
            pipe.send(error)
    connections.close_all()


def _closed(client: Client, work: Work, barrier: Barrier, seconds: float) -> tuple[int, float]:
    _warm(client, work, barrier)
    start, count = time.perf_counter(), 0
    while (now := time.perf_counter()) < start + seconds:
        count += work(client)
    return count, now - start


def _open(client: Client, work: Work, barrier: Barrier, rate: float, seconds: float) -> list[float]:
    _warm(client, work, barrier)
    start = time.perf_counter() + client.rng.random() / rate
    latencies = []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        work(client)
        latencies.append(1_000 * (time.perf_counter() - due))
    return latencies


def _times(client: Client, work: Work, barrier: Barrier, times: int) -> None:
    barrier.wait()
    for _ in range(times):
        work(client)


def _warm(client: Client, work: Work, barrier: Barrier) -> None:
    """Prepare statements and plans, then wait for the others."""
    end = time.perf_counter() + _WARM_S
    while time.perf_counter() < end:
        work(client)
    barrier.wait()


_KINDS: dict[str, Callable[..., Any]] = {"closed": _closed, "open": _open, "times": _times}
