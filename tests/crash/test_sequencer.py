"""What the sequencer survives: an end under load, a successor, a poisoned command, a full queue."""

import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import F

from core.clock import utc_now
from core.errors import Code, CuxError
from exchange.models import Capacity, Order, SequencerOwner
from exchange.sequencer import rebuild
from exchange.sequencer.batch import Sequencer
from exchange.sequencer.client import submit_sync
from exchange.sequencer.owner import take_ownership
from exchange.sequencer.process import DATABASE_LOST, FENCED_OFF
from exchange.sequencer.protocol import CancelOrder, Inspect, Request, SetCapacity, Verdict, frame
from tests.crash.checks import assert_consistent
from tests.crash.load import PLACED, Load
from tests.sequencer_market import make_market, order_id
from tests.sequencer_process import inspect, sequencer, started, talking_to
from tests.waiting import eventually


def test_rebuilt_state_is_the_state_before_kill_9(db):
    with sequencer() as first:
        market = make_market(rate_ucu_per_s=1_000_000)
        for n in range(30):
            market.buy(1_000 + n % 7, 1 + n % 3)
            market.sell(1_003 + n % 5, 2)
        before = inspect()
        first.send(signal.SIGKILL)
        first.exit_code()
    with sequencer():
        after = inspect()
    assert after["state_hash"] == before["state_hash"]
    assert after["books_hash"] == before["books_hash"]
    assert after["epoch"] == before["epoch"] + 1


def test_sigterm_under_load_answers_what_it_commits(db):
    with sequencer() as first:
        load = Load()
        with load.running():
            eventually(lambda: len(load.answers) > 100, within_s=20)
            first.send(signal.SIGTERM)
        assert first.exit_code() == 0
    acknowledged = {order_id(answer) for answer in load.answers.values() if answer.status == PLACED}
    committed = set(Order.objects.filter(instrument=load.market.instrument).values_list("id", flat=True))
    assert committed == acknowledged


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


def test_full_queue_refuses_at_once_and_lets_cancels_pass(db):
    with sequencer("--queue-limit", "3"):
        market = make_market()
        resting = market.buy(1_000, 1)
        with ThreadPoolExecutor(8) as threads:
            with _writer_held_up():
                waiting = [threads.submit(market.buy, 1_000, 1) for _ in range(4)]
                refused = next(iter(wait(waiting, return_when=FIRST_COMPLETED).done))
                waiting.remove(refused)
                error = refused.exception()
                assert isinstance(error, CuxError)
                assert (error.code, error.retry_after_s) == (Code.SEQUENCER_BUSY, 1)
                cancel = threads.submit(market.cancel, market.buyer, resting)
                assert not any(future.done() for future in waiting)
            assert [future.result().status for future in waiting] == [201] * 3
            assert cancel.result().status == 200
        assert_consistent()


def test_poisoned_command_fails_alone(db):
    with sequencer():
        market = make_market()
        nobody = UUID(int=1)
        calls: list[Callable[[], Verdict]] = [
            lambda: market.buy(1_000, 1, key="a"),
            lambda: market.buy(1_000, 2, key="b", beneficiary_id=nobody),
            lambda: submit_sync(SetCapacity(market.seller.id, "no such class", 1, 1)),
            lambda: market.buy(1_000, 3, key="c"),
        ]
        with ThreadPoolExecutor(8) as threads:
            with _writer_held_up():
                blocker = threads.submit(submit_sync, CancelOrder(market.buyer.id, "blocker"))
                answers = [threads.submit(call) for call in calls]
            assert blocker.result().status == 404
            assert [answer.result().status for answer in answers] == [201, 500, 500, 201]
        assert sorted(
            Order.objects.filter(instrument=market.instrument).values_list("leaves_lots", flat=True)
        ) == [1, 3]
        assert market.buy(1_000, 2, key="b").status == 201
        assert_consistent()


def test_batch_whose_inspection_fails_has_changed_nothing(db, monkeypatch):
    with sequencer():
        market = make_market(rate_ucu_per_s=0)
    now = utc_now()
    writer = Sequencer(shard="alone", epoch=take_ownership(shard="alone", now=now), now=now)
    capacity = SetCapacity(market.seller.id, market.instrument.compute_class_id, 7, 1_000_000)

    def fails(*_: object, **__: object) -> None:
        raise ValueError("the rows contradict each other")

    with monkeypatch.context() as patched:
        patched.setattr(rebuild, "rebuild", fails)
        with pytest.raises(ValueError, match="contradict"):
            writer.run([capacity, Inspect()], now)
    assert not Capacity.objects.filter(organisation=market.seller).exists()
    writer.recover(now)
    hashes = writer.run([capacity, Inspect()], now)[1].body
    assert hashes["state_hash"] == hashes["committed_state_hash"]
    assert Capacity.objects.filter(organisation=market.seller).count() == 1


@contextmanager
def _writer_held_up() -> Iterator[None]:
    """Keep the sequencer inside a batch: it waits for the row that fences it."""
    with transaction.atomic():
        SequencerOwner.objects.select_for_update().get(shard="main")
        yield


def _end_sessions_of_owner() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
