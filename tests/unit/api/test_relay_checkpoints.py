"""Checkpoints of many uploads are written together, and none waits for another's."""

import asyncio
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime

import pytest
from django.db import OperationalError

from api import relay_checkpoints
from api.relay_checkpoints import Checkpoints
from inference.services.relay_checkpoint import Counted

LEASES = [uuid.UUID(int=number) for number in range(4)]


class Book:
    """What would be the database: it may be slow, or away, and knows which leases are over."""

    def __init__(self) -> None:
        self.written: list[dict[uuid.UUID, list[int]]] = []
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()
        self.over: set[uuid.UUID] = set()
        self.away = False

    def write(self, *, counts: Mapping[uuid.UUID, Counted], now: datetime) -> set[uuid.UUID]:
        assert now.tzinfo is not None
        self.begun.set()
        assert self.may_go_on.wait(10)
        if self.away:
            raise OperationalError("away")
        self.written.append({lease: list(each.ids) for lease, each in counts.items()})
        return self.over & counts.keys()


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    book = Book()
    monkeypatch.setattr(relay_checkpoints, "relay_checkpoints", book.write)
    return book


def test_what_comes_while_some_are_written_is_written_together(book: Book) -> None:
    async def main() -> list[bool]:
        book.may_go_on.clear()
        checkpoints = Checkpoints()
        first = asyncio.create_task(checkpoints.write(LEASES[0], Counted([1])))
        await asyncio.to_thread(book.begun.wait, 10)
        later = [asyncio.create_task(checkpoints.write(lease, Counted([2]))) for lease in LEASES[1:]]
        await asyncio.sleep(0)
        book.may_go_on.set()
        return await asyncio.gather(first, *later)

    assert asyncio.run(main()) == [True] * 4
    assert book.written == [{LEASES[0]: [1]}, {lease: [2] for lease in LEASES[1:]}]


def test_only_a_lease_that_is_over_is_told_so(book: Book) -> None:
    async def main() -> list[bool]:
        checkpoints = Checkpoints()
        return await asyncio.gather(*(checkpoints.write(lease, Counted([1])) for lease in LEASES))

    book.over = {LEASES[2]}
    assert asyncio.run(main()) == [True, True, False, True]


def test_while_the_database_is_away_uploads_go_on_and_the_next_checkpoint_is_written(book: Book) -> None:
    async def main() -> list[bool]:
        checkpoints = Checkpoints()
        book.away = True
        told = [await checkpoints.write(LEASES[0], Counted([1]))]
        book.away = False
        return [*told, await checkpoints.write(LEASES[0], Counted([1, 2]))]

    assert asyncio.run(main()) == [True, True]
    assert book.written == [{LEASES[0]: [1, 2]}]


def test_an_upload_that_leaves_does_not_disturb_the_others(book: Book) -> None:
    async def main() -> bool:
        book.may_go_on.clear()
        checkpoints = Checkpoints()
        leaving = asyncio.create_task(checkpoints.write(LEASES[0], Counted([1])))
        staying = asyncio.create_task(checkpoints.write(LEASES[1], Counted([2])))
        await asyncio.to_thread(book.begun.wait, 10)
        leaving.cancel()
        book.may_go_on.set()
        return await staying

    assert asyncio.run(main())
    assert book.written == [{LEASES[0]: [1], LEASES[1]: [2]}]
