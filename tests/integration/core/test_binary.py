"""Arrays and instants in binary form arrive as what they are."""

import uuid
from datetime import UTC, datetime

import psycopg
from django.conf import settings

from core.binary import bigints, byteas, instant, texts, uuids
from core.pipe import Pipe, Statement

TYPES = ("bigint[]", "uuid[]", "text[]", "bytea[]", "timestamptz")
IDS = [uuid.UUID(int=1), uuid.UUID(int=2**128 - 1)]
AT = datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def arrived(db_url: str, parameters: list[bytes]) -> list[bytes | None]:
    asked = ", ".join(f"${number}::{kind}::text" for number, kind in enumerate(TYPES, 1))
    with psycopg.connect(db_url, autocommit=True) as session:
        session.execute("SET timezone = 'UTC'")
        (result,) = Pipe(session).run([Statement(f"SELECT {asked}", parameters, is_binary=True)])
        return [result.get_value(0, column) for column in range(len(TYPES))]


def test_values_arrive_as_they_are(db: None) -> None:
    parameters = [
        bigints([-(2**63), 0, 2**63 - 1]),
        uuids(IDS),
        texts([b'"{\\', None, b"", "µ".encode()]),
        byteas([b"\x00\xff", None]),
        instant(AT),
    ]
    assert arrived(settings.DATABASE_URL, parameters) == [
        b"{-9223372036854775808,0,9223372036854775807}",
        f"{{{IDS[0]},{IDS[1]}}}".encode(),
        '{"\\"{\\\\",NULL,"",µ}'.encode(),
        b'{"\\\\x00ff",NULL}',
        b"1999-12-31 23:59:59.999999+00",
    ]


def test_arrays_of_nothing_are_empty(db: None) -> None:
    assert (
        arrived(settings.DATABASE_URL, [bigints([]), uuids([]), texts([]), byteas([]), instant(AT)])[:4]
        == [b"{}"] * 4
    )
