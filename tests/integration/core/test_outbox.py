"""The outbox: at least once, in order, without one message stopping the others."""

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction

from core.clock import utc_now
from core.models import OutboxMessage
from core.outbox import outbox_add, outbox_drain
from tests.builders import unique
from tests.races import race
from tests.waiting import eventually


def put(topic: str, *numbers: int) -> None:
    with transaction.atomic():
        for number in numbers:
            outbox_add(topic=topic, payload={"number": number})


def test_messages_are_handed_over_in_order_and_once(db):
    topic, got = unique("topic"), []
    put(topic, 1, 2, 3)
    handlers = {topic: lambda payload: got.append(payload["number"])}
    now = utc_now()
    assert outbox_drain(handlers, now) == 3
    assert outbox_drain(handlers, now) == 0
    assert got == [1, 2, 3]
    assert (
        list(OutboxMessage.objects.filter(topic=topic).values_list("sent_at", "attempts")) == [(now, 1)] * 3
    )


def test_a_message_of_a_cause_that_was_undone_is_never_sent(db):
    topic = unique("topic")

    def undone() -> None:
        with transaction.atomic():
            outbox_add(topic=topic, payload={})
            raise LookupError

    with pytest.raises(LookupError):
        undone()
    assert outbox_drain({topic: lambda payload: pytest.fail("sent")}, utc_now()) == 0


def test_a_message_needs_a_transaction(db):
    with pytest.raises(RuntimeError, match="Expected a transaction"):
        outbox_add(topic="t", payload={})


def test_a_failing_handler_leaves_its_message_and_does_not_stop_the_others(db):
    topic, got = unique("topic"), []
    put(topic, 1, 2)

    def handle(payload):
        if payload["number"] == 1 and len(got) < 1:
            outbox_add(topic=unique("undone"), payload={})
            raise ConnectionError("away")
        got.append(payload["number"])

    before, now = OutboxMessage.objects.count(), utc_now()
    assert outbox_drain({topic: handle}, now) == 1
    assert got == [2]
    assert OutboxMessage.objects.count() == before  # what the failing handler wrote is undone
    failed = OutboxMessage.objects.get(topic=topic, sent_at__isnull=True)
    assert (failed.attempts, failed.last_error) == (1, "ConnectionError: away")
    assert outbox_drain({topic: handle}, now + timedelta(seconds=1)) == 1
    assert got == [2, 1]


def test_what_fails_is_tried_ever_more_seldom_up_to_every_ten_minutes(db):
    topic, tries = unique("topic"), []
    put(topic, 1)

    def handle(payload):
        tries.append(payload["number"])
        raise LookupError("\0" + 600 * "x")

    now, waits = utc_now(), []
    for number in range(1, 14):
        outbox_drain({topic: handle}, now)
        message = OutboxMessage.objects.get(topic=topic)
        assert (len(tries), message.attempts, message.sent_at) == (number, number, None)
        outbox_drain({topic: handle}, message.retry_at - timedelta(microseconds=1))
        assert len(tries) == number  # not before its time
        waits.append((message.retry_at - now).total_seconds())
        now = message.retry_at
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]
    assert message.last_error == "LookupError: " + 487 * "x"
    put(topic, 2)  # of the same topic, and not held up
    assert (
        outbox_drain({topic: lambda payload: tries.append(payload["number"])}, now - timedelta(seconds=1))
        == 1
    )
    assert tries[-1] == 2
    OutboxMessage.objects.filter(topic=topic).update(sent_at=now)


def test_topics_without_a_handler_are_left_alone(db):
    mine, other = unique("topic"), unique("topic")
    put(other, 1)
    assert outbox_drain({mine: lambda payload: None}, utc_now()) == 0
    assert OutboxMessage.objects.get(topic=other).sent_at is None


def test_two_drains_share_the_work_without_waiting_for_each_other(db):
    topic = unique("topic")
    put(topic, 1, 2)
    first_has_one, second_is_done = threading.Event(), threading.Event()
    got: list[tuple[str, int]] = []

    def slow(payload):
        got.append(("slow", payload["number"]))
        first_has_one.set()
        assert second_is_done.wait(10)

    def drain_slowly():
        try:
            outbox_drain({topic: slow}, utc_now())
        finally:
            connections.close_all()

    thread = threading.Thread(target=drain_slowly)
    thread.start()
    assert first_has_one.wait(10)
    assert outbox_drain({topic: lambda payload: got.append(("quick", payload["number"]))}, utc_now()) == 1
    second_is_done.set()
    thread.join()
    assert got == [("slow", 1), ("quick", 2)]
    eventually(lambda: not OutboxMessage.objects.filter(topic=topic, sent_at__isnull=True).exists())


def test_a_message_is_handed_over_by_one_of_two_drains(db):
    topic, got = unique("topic"), []
    put(topic, 1)
    drains = [lambda: outbox_drain({topic: lambda payload: got.append(payload["number"])}, utc_now())] * 2
    assert race(*drains) == (1, 0)
    assert got == [1]
