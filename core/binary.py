"""PostgreSQL's binary form of arrays and instants, as parameters of a `core.pipe.Statement`.

Long texts are quoted in no other form: in JSON and in arrays' text form both sides look at each character.
An array is its number of dimensions, whether NULLs may come, its elements' type, size and lower bound, and
then each element's length and bytes (`array_recv` of the server); a length of −1 is NULL.
"""

import struct
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

_HEADER: Final = struct.Struct(">iiIii")
_BIGINT: Final = struct.Struct(">iq")
_LENGTH: Final = struct.Struct(">i")
_NULL: Final = _LENGTH.pack(-1)
_UUID_LENGTH: Final = _LENGTH.pack(16)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# Types' numbers, from the server's pg_type.dat.
_BYTEA_OID, _BIGINT_OID, _TEXT_OID, _UUID_OID = 17, 20, 25, 2950


def bigints(values: Sequence[int]) -> bytes:
    """Return a `bigint[]`. struct.error if one has over 64 bits."""
    pack = _BIGINT.pack
    return _array(_BIGINT_OID, len(values), [pack(8, value) for value in values])


def uuids(values: Sequence[uuid.UUID]) -> bytes:
    """Return a `uuid[]`."""
    return _array(_UUID_OID, len(values), [_UUID_LENGTH + value.bytes for value in values])


def texts(values: Sequence[bytes | None]) -> bytes:
    """Return a `text[]` of texts in UTF-8."""
    return _of_lengths(_TEXT_OID, values)


def byteas(values: Sequence[bytes | None]) -> bytes:
    """Return a `bytea[]`."""
    return _of_lengths(_BYTEA_OID, values)


def instant(value: datetime) -> bytes:
    """Return a `timestamptz`: microseconds since 2000."""
    return struct.pack(">q", (value - _EPOCH) // _MICROSECOND)


def _of_lengths(oid: int, values: Sequence[bytes | None]) -> bytes:
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts += (_LENGTH.pack(len(value)), value)
    return _array(oid, len(values), parts)


def _array(oid: int, size: int, elements: Sequence[bytes]) -> bytes:
    return _HEADER.pack(1, 1, oid, size, 1) + b"".join(elements)
