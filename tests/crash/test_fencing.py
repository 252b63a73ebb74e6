"""One owner, always: an older one, paused and woken under a newer one, writes and answers nothing."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F

from core.errors import Code, CuxError
from exchange.models import SequencerOwner
from exchange.sequencer.client import submit_sync
from exchange.sequencer.process import DATABASE_LOST, FENCED_OFF
from exchange.sequencer.protocol import CancelOrder, NewOrder, Reply, Request, decode_reply, frame, frames
from tests.crash.checks import assert_consistent
from tests.crash.doomed import program
from tests.sequencer_market import Market, journal, make_market, order_id
from tests.sequencer_process import SequencerProcess, sequencer, started, talking_to
from tests.waiting import eventually


def test_fenced_off_owner_leaves_without_writing_or_answering(db):
    with sequencer() as old:
        market = make_market()
        before = market.rows()
        SequencerOwner.objects.filter(shard="main").update(epoch=F("epoch") + 1)
        with pytest.raises(CuxError) as error:
            market.buy(1_000, 1)
        assert error.value.code is Code.SEQUENCER_UNAVAILABLE
        assert error.value.retry_after_s == 1
        assert old.exit_code() == FENCED_OFF
        assert market.rows() == before


def test_successor_takes_over_from_a_paused_owner(db, tmp_path):
    with sequencer() as old, started(tmp_path) as new:
        market = make_market()
        resting = market.buy(1_000, 1)
        new.await_event("sequencer_waiting")
        old.send(signal.SIGSTOP)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(old.socket))
            client.sendall(frame(Request(0, CancelOrder(market.buyer.id, "late", order_id(resting)))))
            _end_sessions_of_owner()
            with talking_to(new):
                assert market.replace(market.buyer, resting, 1_500, 2).status == 200
                before = market.rows()
                old.send(signal.SIGCONT)
                assert client.recv(1000) == b""
                assert old.exit_code() == DATABASE_LOST
                assert market.rows() == before
                assert_consistent()
        new.send(signal.SIGTERM)
        assert new.exit_code() == 0


def test_waiting_sequencer_can_be_stopped(db, tmp_path):
    with sequencer(), started(tmp_path) as second:
        second.await_event("sequencer_waiting")
        second.send(signal.SIGTERM)
        assert second.exit_code() == 0
        assert make_market().buy(1_000, 1).status == 201


@pytest.mark.parametrize("point", ["looked_up", "decided", "posted"])
def test_owner_paused_in_a_batch_and_woken_after_a_takeover_neither_writes_nor_answers(db, tmp_path, point):
    with sequencer(program=program(point, 1, signal.SIGSTOP)) as old, started(tmp_path) as new:
        market = make_market()
        new.await_event("sequencer_waiting")
        before = market.rows()
        order = an_order(market)
        with paused_over(old, order) as client:
            _end_sessions_of_owner()
            with talking_to(new):
                assert market.rows() == before
                answer = submit_sync(order)
                assert answer.status == 201
                after = market.rows()
                old.send(signal.SIGCONT)
                assert client.recv(1_000) == b""
                assert old.exit_code() == DATABASE_LOST
                assert market.rows() == after
                assert submit_sync(order) == answer
                assert [row.key for row in journal(market.buyer)] == ["funds", order.key]
                assert_consistent()


def test_owner_paused_after_its_commit_answers_what_stands_and_then_leaves(db, tmp_path):
    with sequencer(program=program("committed", 1, signal.SIGSTOP)) as old, started(tmp_path) as new:
        market = make_market()
        new.await_event("sequencer_waiting")
        order = an_order(market)
        with paused_over(old, order) as client:
            _end_sessions_of_owner()
            with talking_to(new):
                answer = submit_sync(order)
                after = market.rows()
                old.send(signal.SIGCONT)
                assert reply(client).verdict == answer
                client.sendall(frame(Request(1, CancelOrder(market.buyer.id, "late", order_id(answer)))))
                assert client.recv(1_000) == b""
                assert old.exit_code() == DATABASE_LOST
                assert market.rows() == after
                assert_consistent()


def test_nobody_takes_over_while_the_paused_owner_keeps_its_session(db, tmp_path):
    with sequencer(program=program("decided", 1, signal.SIGSTOP)) as old, started(tmp_path) as new:
        market = make_market()
        new.await_event("sequencer_waiting")
        epoch = SequencerOwner.objects.get(shard="main").epoch
        with paused_over(old, an_order(market)) as client:
            assert successors_waiting() == 1
            old.send(signal.SIGCONT)
            assert reply(client).verdict.status == 201
            assert successors_waiting() == 1
            assert not new.socket.exists()
        assert SequencerOwner.objects.get(shard="main").epoch == epoch


def an_order(market: Market) -> NewOrder:
    """Return an order of the buyer, under a key."""
    return NewOrder(
        organisation_id=market.buyer.id,
        key="once",
        instrument=market.instrument.symbol,
        side="buy",
        price_ticks=1_000,
        quantity_lots=1,
    )


@contextmanager
def paused_over(process: SequencerProcess, command: NewOrder) -> Iterator[socket.socket]:
    """Send a command over which the sequencer pauses; give the connection that waits for its answer."""
    process.send(signal.SIGUSR1)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(process.socket))
        client.sendall(frame(Request(0, command)))
        eventually(lambda: is_stopped(process.process.pid))
        yield client


def is_stopped(pid: int) -> bool:
    """Tell whether the process is paused (proc(5), stat)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def reply(client: socket.socket) -> Reply:
    """Read one reply."""
    buffer = bytearray()
    while not (complete := list(frames(buffer))):
        buffer += client.recv(65_536)
    return decode_reply(complete[0])


def successors_waiting() -> int:
    """Return how many sessions wait for an advisory lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        (count,) = cursor.fetchone()
    return count


def _end_sessions_of_owner() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
