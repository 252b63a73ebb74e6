"""Canonical JSON: exactly one byte string for each value, so that bytes can be hashed and signed.

UTF-8, keys sorted by code point, no white space, and only null, booleans, integers of 64 bits, strings,
lists and objects with string keys. Floats have no place in signed bytes and are refused.
"""

import json
from typing import Any, NoReturn

INT_MIN = -(2**63)
INT_MAX = 2**63 - 1
DEPTH_MAX = 32


class CanonicalError(ValueError):
    """The value has no canonical form, or the bytes are not the canonical form of any value."""


def encode(value: object) -> bytes:
    """Return the canonical bytes of `value`.

    Raises CanonicalError for floats, integers beyond 64 bits, keys that are not strings, strings that are
    not valid Unicode, other types, and nesting deeper than DEPTH_MAX.
    """
    _check(value, DEPTH_MAX)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CanonicalError("a string is not valid Unicode") from error


def decode(data: bytes) -> Any:
    """Return the value whose canonical bytes are `data`.

    Raises CanonicalError unless `encode` gives back exactly `data`, so two readers can never see different
    values in the same bytes, nor the same value in different bytes.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except CanonicalError:
        raise
    except (ValueError, RecursionError) as error:
        raise CanonicalError("not JSON in UTF-8") from error
    if encode(value) != data:
        raise CanonicalError("not in canonical form")
    return value


def _check(value: object, depth: int) -> None:
    if depth < 0:
        raise CanonicalError(f"nested deeper than {DEPTH_MAX}")
    if value is None or isinstance(value, (bool, str)):
        return
    if isinstance(value, int):
        if not INT_MIN <= value <= INT_MAX:
            raise CanonicalError("an integer needs more than 64 bits")
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise CanonicalError(f"expected a string as key, was {type(key).__name__}")
            _check(item, depth - 1)
    else:
        raise CanonicalError(f"{type(value).__name__} has no canonical form")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise CanonicalError("duplicate key")
    return result


def _refuse_number(text: str) -> NoReturn:
    raise CanonicalError(f"{text[:32]} is not an integer")
