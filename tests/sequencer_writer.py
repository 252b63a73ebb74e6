"""A writer without its process and socket, for a test that takes its steps itself."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from django.db import connection

from exchange.sequencer.batch import Sequencer
from exchange.sequencer.owner import take_ownership


@contextmanager
def writers() -> Iterator[Callable[[datetime], Sequencer]]:
    """Give what makes a writer as a new process would have it: with database sessions of its own."""
    with ExitStack() as stack:
        stack.callback(connection.close)

        def writer_at(now: datetime) -> Sequencer:
            connection.close()
            writer = Sequencer(shard="alone", epoch=take_ownership(shard="alone", now=now), now=now)
            stack.callback(writer.close)
            return writer

        yield writer_at
