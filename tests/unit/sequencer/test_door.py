"""The sequencer's door: how many are inside, and what each key may send."""

import uuid

from core.errors import Code
from exchange.sequencer import protocol as p
from exchange.sequencer.door import Door

WHO = uuid.uuid4()
NEW = p.NewOrder(organisation_id=WHO, instrument="x", side="buy", price_ticks=1, quantity_lots=1)
CANCEL = p.CancelOrder(WHO, client_order_id="mine")
NANO = 10**9


def request(command: p.Command = NEW, order_limit: int | None = None) -> p.Request:
    caller = p.Caller(WHO, order_limit, 1) if order_limit is not None else None
    return p.Request(0, command, caller)


def refused(door: Door, asked: p.Request) -> Code | None:
    error, _ = door.admit(asked)
    return error.code if error is not None else None


def test_when_full_orders_wait_outside_and_cancels_pass():
    door = Door(limit=1)
    assert refused(door, request()) is None
    assert refused(door, request()) is Code.SEQUENCER_BUSY
    assert refused(door, request(CANCEL)) is None
    door.leave([NEW, CANCEL])
    assert refused(door, request()) is None


def test_a_batch_is_as_many_as_its_items_and_one_of_cancels_passes():
    door = Door(limit=3)
    batch = p.Batch(WHO, None, (NEW, NEW, CANCEL))
    assert refused(door, request(batch)) is None
    assert refused(door, request(p.Batch(WHO, None, (NEW,)))) is Code.SEQUENCER_BUSY
    assert refused(door, request(p.Batch(WHO, None, (CANCEL, CANCEL)))) is None
    door.leave([batch])
    assert refused(door, request()) is None
    assert refused(door, request()) is Code.SEQUENCER_BUSY


def test_a_quota_fills_again_with_time():
    now = [0]
    door = Door(limit=100, clock_ns=lambda: now[0])
    assert [refused(door, request(order_limit=2)) for _ in range(3)] == [None, None, Code.RATE_LIMITED]
    now[0] = NANO // 2 - 1
    error, allowance = door.admit(request(order_limit=2))
    assert (error.code, error.retry_after_s) == (Code.RATE_LIMITED, 1)
    assert allowance == p.Allowance(passed=False, limit=2, remaining=0, reset_s=1, retry_after_s=1)
    now[0] = NANO // 2
    assert refused(door, request(order_limit=2)) is None


def test_the_exchange_itself_has_no_quota():
    door = Door(limit=10_000)
    assert {refused(door, request()) for _ in range(1_000)} == {None}


def test_what_is_refused_for_another_reason_costs_nothing():
    door = Door(limit=1, clock_ns=lambda: 0)
    long = p.CancelOrder(WHO, key="k" * 256)
    assert refused(door, request(long, 1)) is Code.INVALID_FIELD
    assert refused(door, request()) is None
    assert refused(door, request(order_limit=1)) is Code.SEQUENCER_BUSY
    door.leave([NEW])
    assert refused(door, request(order_limit=1)) is None
