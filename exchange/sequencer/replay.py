"""Plays the journal again: the operations it kept must give the books that the rows give."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psycopg

from exchange.engine import Engine
from exchange.engine.protocol import Operation, apply

_EFFECTS = """
    SELECT sequence, effects FROM exchange_command
    WHERE sequence > %s AND sequence <= %s AND effects IS NOT NULL ORDER BY sequence"""
FETCHED: Final = 20_000
"""Rows that are in memory at once."""
Effects = list[tuple[str, Operation]]
"""What one command came to: operations, each on the book of an instrument."""
decode_effects = msgspec.msgpack.Decoder(Effects).decode


def replay(journal: Iterable[Effects], engines: dict[str, Engine]) -> None:
    """Carry the journal's operations into engines, by symbol; one that is not there is made."""
    for effects in journal:
        for symbol, operation in effects:
            engine = engines.get(symbol)
            if engine is None:
                engine = engines[symbol] = Engine()
            apply(engine, operation)


def play(
    connection: psycopg.Connection[Any],
    engines: dict[str, Engine],
    *,
    after: int,
    until: int,
    tell: Callable[[int], None] = lambda sequence: None,
) -> None:
    """Carry the commands after one sequence number until another into engines; call `tell` now and then.

    The connection has to be inside a transaction.
    """
    with unmanaged_memory(), connection.cursor("replay", binary=True) as cursor:
        cursor.execute(_EFFECTS, [after, until])
        while rows := cursor.fetchmany(FETCHED):
            replay((decode_effects(effects) for _, effects in rows), engines)
            tell(rows[-1][0])


def last_sequence(connection: psycopg.Connection[Any]) -> int:
    """Return the number of the last command that is committed, 0 before the first."""
    row = connection.execute("SELECT coalesce(max(sequence), 0) FROM exchange_command").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def unmanaged_memory() -> Iterator[None]:
    """Keep Python from looking for garbage while a million objects are made that are none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
