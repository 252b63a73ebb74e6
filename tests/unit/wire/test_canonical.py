"""Canonical bytes: one spelling for each value, and no other bytes accepted."""

from typing import Any

import pytest

from cux.wire.canonical import CanonicalError, decode, encode


def test_keys_are_sorted_and_nothing_is_padded() -> None:
    value = {"b": [1, True, None], "a": {"é": "ü\n", "Z": -3}}
    assert encode(value) == '{"a":{"Z":-3,"é":"ü\\n"},"b":[1,true,null]}'.encode()


def test_integers_reach_to_the_ends_of_64_bits() -> None:
    assert encode([2**63 - 1, -(2**63)]) == b"[9223372036854775807,-9223372036854775808]"


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        2**63,
        -(2**63) - 1,
        {1: "a"},
        {"a": {None: 1}},
        (1, 2),
        b"x",
        {1, 2},
        "\ud800",
        {"\udfff": 1},
    ],
)
def test_values_without_canonical_form_are_refused(value: Any) -> None:
    with pytest.raises(CanonicalError):
        encode({"deep": [value]})


def test_nesting_is_bounded_both_ways() -> None:
    value: list[Any] = []
    for _ in range(32):
        value = [value]
    assert decode(encode(value)) == value
    with pytest.raises(CanonicalError, match="nested deeper than 32"):
        encode([value])
    with pytest.raises(CanonicalError):
        decode(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" {}",
        b"{} ",
        b"{}\n",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9223372036854775808}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":"\\u00e9"}',
        b'{"a":"\\/"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        '{"a":"é"}'.encode("latin-1"),
        b"{}{}",
    ],
)
def test_any_other_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(CanonicalError):
        decode(data)
