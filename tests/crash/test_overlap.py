"""One batch is being committed while the next is decided: nothing is answered or written too early."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from core.clock import utc_now
from exchange.models import Command, Order
from exchange.sequencer.batch import Sequencer
from exchange.sequencer.owner import FencedOffError
from exchange.sequencer.protocol import CancelOrder, Inspect, NewOrder, Verdict
from exchange.sequencer.server import Inbox, Item
from exchange.sequencer.writer import Writer
from tests import builders
from tests.sequencer_market import Market, make_market
from tests.sequencer_process import sequencer
from tests.sequencer_writer import writers

NOBODY = UUID(int=1)
WITHIN_S = 20
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


class Desk:
    """A writer on its loop whose answers are kept, and a session that can hold its commits up."""

    def __init__(self, sequencer: Sequencer, other: "psycopg.Connection[Any]") -> None:
        self.sequencer = sequencer
        self.other = other
        self.answers: dict[int, list[Verdict]] = {}
        self._inbox = Inbox()
        self._number = 0
        self.work = asyncio.ensure_future(Writer(sequencer, self._inbox, self._answer).work())

    def _answer(self, items: Any, verdicts: Any) -> None:
        for item, verdict in zip(items, verdicts, strict=True):
            self.answers.setdefault(item.request_id, []).append(verdict)

    def hold_up(self, epochs: int = 0) -> None:
        """Keep what is sent from now on waiting at the fence, which may have moved when it gets there."""
        self.other.execute("BEGIN")
        self.other.execute(
            "UPDATE exchange_sequencerowner SET epoch = epoch + %s WHERE shard = 'alone'", [epochs]
        )

    async def in_flight(self, *commands: NewOrder | CancelOrder) -> None:
        """Put commands in, and wait until they are on their way as one batch."""
        self._put(commands)
        await self._until(lambda: self.other.execute(WAITING).fetchone() == (1,))

    async def decided(self, *commands: NewOrder | CancelOrder) -> None:
        """Put commands in, and wait until they are decided in memory."""
        sequence = self.sequencer.state.sequence
        self._put(commands)
        await self._until(lambda: self.sequencer.state.sequence > sequence)

    async def answered(self) -> list[Verdict]:
        """Let commits go on; return the answers in the order of the commands, each of which has one."""
        self.other.execute("COMMIT")
        self._inbox.stop()
        await asyncio.wait_for(self.work, WITHIN_S)
        assert [len(self.answers[number]) for number in range(self._number)] == [1] * self._number
        return [self.answers[number][0] for number in range(self._number)]

    def _put(self, commands: Any) -> None:
        nowhere: Any = None
        self._inbox.put(
            [Item(nowhere, self._number + n, command, None) for n, command in enumerate(commands)]
        )
        self._number += len(commands)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not holds():
                assert not self.work.done(), self.work.exception()
                await asyncio.sleep(0.005)

        await asyncio.wait_for(wait(), WITHIN_S)


@contextmanager
def alone() -> Iterator[tuple[Market, Sequencer, "psycopg.Connection[Any]"]]:
    """Give a market, a writer of it without a process, and a session beside; memory and rows end equal."""
    with sequencer():
        market = make_market()
    with writers() as writer_at, psycopg.connect(settings.DATABASE_URL, autocommit=True) as other:
        writer = writer_at(utc_now())
        put_off_what_other_tests_left(writer)
        yield market, writer, other
        assert_equal(writer_at(utc_now()))


def put_off_what_other_tests_left(writer: Sequencer) -> None:
    """A dead man's switch that fires here would wait at the fence in place of what a test waits for."""
    later = utc_now() + timedelta(days=1)
    for key in writer.state.deadlines.due(later, sys.maxsize):
        writer.suspend(key, later)


def assert_equal(writer: Sequencer) -> None:
    hashes = writer.run([Inspect()], utc_now())[0].body
    assert hashes["state_hash"] == hashes["committed_state_hash"]


def buy(market: Market, key: str, lots: int = 1, **other: Any) -> NewOrder:
    return NewOrder(
        organisation_id=market.buyer.id,
        key=key,
        instrument=other.pop("instrument", market.instrument.symbol),
        side="buy",
        price_ticks=1_000,
        quantity_lots=lots,
        **other,
    )


def committed(market: Market) -> dict[str, int]:
    """Return the status of each verdict on the buyer's orders, by key, as journaled."""
    rows = Command.objects.filter(organisation_id=market.buyer.id, kind="new")
    return {str(row.key): json.loads(row.verdict)["status"] for row in rows}


def lots(market: Market) -> list[int]:
    rows = Order.objects.filter(instrument=market.instrument).order_by("leaves_lots")
    return list(rows.values_list("leaves_lots", flat=True))


def test_a_repeated_command_gets_the_verdict_of_the_one_in_flight_after_its_commit(db):
    with alone() as (market, writer, other):

        async def scene() -> list[Verdict]:
            desk = Desk(writer, other)
            desk.hold_up()
            await desk.in_flight(buy(market, "one", client_order_id="mine"))
            await desk.decided(
                buy(market, "one", client_order_id="mine"),
                buy(market, "one", 2),
                buy(market, "two", client_order_id="mine"),
                buy(market, "three"),
            )
            assert desk.answers == {}
            return await desk.answered()

        first, same, other_body, taken, third = asyncio.run(scene())
        assert (first.status, third.status) == (201, 201)
        assert same == first
        assert (other_body.status, taken.status) == (409, 409)
        assert taken.body["error"]["code"] == "duplicate_client_order_id"
        assert lots(market) == [1, 1]


def test_when_a_batch_fails_it_and_the_one_on_top_of_it_are_decided_again(db):
    with alone() as (market, writer, other):

        async def scene() -> list[Verdict]:
            desk = Desk(writer, other)
            desk.hold_up()
            await desk.in_flight(buy(market, "a"), buy(market, "b", 2, beneficiary_id=NOBODY))
            await desk.decided(
                buy(market, "b", 2, beneficiary_id=NOBODY), buy(market, "c", 3), buy(market, "a")
            )
            return await desk.answered()

        a, b, b_again, c, a_again = asyncio.run(scene())
        assert [verdict.status for verdict in (a, b, b_again, c)] == [201, 500, 500, 201]
        assert a_again == a
        assert committed(market) == {"a": 201, "c": 201}
        assert lots(market) == [1, 3]
        assert_equal(writer)


def test_who_is_fenced_off_in_flight_writes_and_answers_nothing(db):
    with alone() as (market, writer, other):
        before = market.rows()

        async def scene() -> Desk:
            desk = Desk(writer, other)
            desk.hold_up(epochs=1)
            await desk.in_flight(buy(market, "a"))
            await desk.decided(buy(market, "b"))
            with pytest.raises(FencedOffError):
                await desk.answered()
            return desk

        assert asyncio.run(scene()).answers == {}
        connection.close()  # as the end of the process would
        assert market.rows() == before
        assert committed(market) == {}


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_looked_up_in_a_transaction_waits_for_the_batch_before(db, fails):
    with alone() as (market, writer, _):
        listed = builders.instrument().symbol
        before = buy(market, "a", beneficiary_id=NOBODY if fails else None)
        now = utc_now()
        writer.send(decided(writer, before, now))
        if fails:
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                decided(writer, buy(market, "b", instrument=listed), now)
            writer.recover(now)
        decision = decided(writer, buy(market, "b", instrument=listed), now)
        assert committed(market) == ({} if fails else {"a": 201})
        writer.send(decision)
        assert [verdict.status for verdict in decision.verdicts()] == [201]


def decided(writer: Sequencer, command: NewOrder, now: datetime) -> Any:
    return writer.decide([command], writer.ask([command]), now)
