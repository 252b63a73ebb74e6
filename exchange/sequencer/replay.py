"""Plays the journal again: the operations it kept must give the books that the rows give."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import psycopg

from exchange.engine import Engine
from exchange.engine.protocol import Operation, apply

_EFFECTS = "SELECT effects FROM exchange_command WHERE effects IS NOT NULL ORDER BY sequence"
Effects = list[tuple[str, Operation]]
"""What one command came to: operations, each on the book of an instrument."""
decode_effects = msgspec.msgpack.Decoder(Effects).decode


def read_effects(connection: psycopg.Connection[Any]) -> Iterator[Effects]:
    """Give the effects of every command that had any, in order, without loading all at once."""
    with connection.cursor("replay") as cursor:
        for (effects,) in cursor.execute(_EFFECTS):
            yield decode_effects(effects)


def replay(journal: Iterable[Effects], engines: dict[str, Engine]) -> None:
    """Carry the journal's operations into engines, by symbol; one that is not there is made."""
    for effects in journal:
        for symbol, operation in effects:
            engine = engines.get(symbol)
            if engine is None:
                engine = engines[symbol] = Engine()
            apply(engine, operation)
