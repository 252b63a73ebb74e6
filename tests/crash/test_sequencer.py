"""What the sequencer survives: its end under load, a poisoned command, a full queue."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import transaction

from core.clock import utc_now
from core.errors import Code, CuxError
from exchange.models import Capacity, Order, SequencerOwner
from exchange.sequencer import rebuild
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import CancelOrder, Inspect, SetCapacity, Verdict
from tests.crash.checks import assert_consistent
from tests.crash.load import Load, orders_placed
from tests.sequencer_market import make_market
from tests.sequencer_process import inspect, sequencer
from tests.sequencer_writer import writers
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
        load = Load(is_timed=False)
        with load.running():
            eventually(lambda: len(load.answers) > 100, within_s=20)
            first.send(signal.SIGTERM)
        assert first.exit_code() == 0
    acknowledged = {id for answer in load.answers.values() for id in orders_placed(answer)}
    committed = set(Order.objects.filter(instrument=load.market.instrument).values_list("id", flat=True))
    assert committed == acknowledged


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
    capacity = SetCapacity(market.seller.id, market.instrument.compute_class_id, 7, 1_000_000)

    def fails(*_: object, **__: object) -> None:
        raise ValueError("the rows contradict each other")

    with writers() as writer_at:
        writer = writer_at(now)
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
