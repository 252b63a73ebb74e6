"""Snapshots: all books after a command, so that recovery has to play only what came after it.

A snapshot is made from the one before it and the journal, never from the sequencer's memory: it is off
the hot path, and a fault of that memory cannot get into it. It carries its digest; one that does not fit
is passed over for the one before, at last for the journal from its beginning.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import psycopg
import structlog

from exchange.engine import Engine
from exchange.sequencer.replay import unmanaged_memory

log = structlog.get_logger(__name__)

_INSERT = """
    INSERT INTO exchange_snapshot (sequence, sha256, state, taken_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (sequence) DO UPDATE SET sha256 = EXCLUDED.sha256, state = EXCLUDED.state,
        taken_at = EXCLUDED.taken_at"""
_SEQUENCES = "SELECT sequence FROM exchange_snapshot WHERE sequence <= %s ORDER BY sequence DESC"
_STATE = "SELECT sha256, state FROM exchange_snapshot WHERE sequence = %s"
_PRUNE = """
    DELETE FROM exchange_snapshot WHERE sequence NOT IN
        (SELECT sequence FROM exchange_snapshot ORDER BY sequence DESC LIMIT %s)"""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, bytes]).decode


@dataclass(slots=True)
class Books:
    """Engines by symbol, as they are after the command of this number; `snapshot` is where they come from."""

    sequence: int = 0
    snapshot: int = 0
    engines: dict[str, Engine] = field(default_factory=dict)


def take(connection: psycopg.Connection[Any], books: Books, *, now: datetime) -> None:
    """Keep the books as a snapshot, in place of one of the same number."""
    state = encode(books.engines)
    row = [books.sequence, hashlib.sha256(state).digest(), state, now]
    psycopg.Cursor(connection).execute(_INSERT, row)


def newest(connection: psycopg.Connection[Any], *, until: int) -> Books:
    """Return the books of the newest valid snapshot of a command up to `until`; else books without orders."""
    for (sequence,) in connection.execute(_SEQUENCES, [until]).fetchall():
        row = psycopg.Cursor(connection).execute(_STATE, [sequence], binary=True).fetchone()
        if row is None:
            continue
        try:
            return Books(sequence, sequence, _checked(*row))
        except ValueError as error:
            log.error("snapshot_invalid", sequence=sequence, reason=str(error))
    return Books()


def prune(connection: psycopg.Connection[Any], *, keep: int) -> None:
    """Delete all but the newest snapshots."""
    connection.execute(_PRUNE, [keep])


def encode(engines: Mapping[str, Engine]) -> bytes:
    """Return the engines' states as msgpack, by symbol."""
    return _encode({symbol: engine.snapshot_bytes() for symbol, engine in sorted(engines.items())})


def decode(state: bytes) -> dict[str, Engine]:
    """Return the engines whose states `encode` gave. ValueError if it did not."""
    with unmanaged_memory():
        return {symbol: Engine.restore_bytes(book) for symbol, book in _decode(state).items()}


def _checked(digest: bytes, state: bytes) -> dict[str, Engine]:
    """Return the engines of a stored state. ValueError if it is not what was stored, or reads no more."""
    if hashlib.sha256(state).digest() != digest:
        raise ValueError("the digest does not fit the state")
    return decode(state)
