"""Canonical bytes round-trip, and no flipped bit of a receipt survives verification."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cux.wire.canonical import CanonicalError, decode, encode
from cux.wire.verification import ReceiptError, verify_receipt
from tests.unit.wire.builders import EXCHANGE_KEYS, PROVIDER_KEYS, receipt_file

text = st.text(max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_every_value_comes_back_from_its_bytes(value: Any) -> None:
    assert decode(encode(value)) == value


@given(st.dictionaries(text, values, max_size=6))
def test_the_order_of_keys_leaves_no_trace(value: dict[str, Any]) -> None:
    assert encode(dict(reversed(value.items()))) == encode(value)


@given(st.binary(max_size=40) | values.map(encode).flatmap(lambda data: st.just(data + b" ")))
def test_bytes_that_decode_are_the_bytes_that_encode(data: bytes) -> None:
    try:
        value = decode(data)
    except CanonicalError:
        return
    assert encode(value) == data


def test_every_single_flipped_bit_of_a_receipt_is_found() -> None:
    data = receipt_file()
    verify_receipt(data, exchange_keys=EXCHANGE_KEYS, provider_keys=PROVIDER_KEYS)
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            with pytest.raises(ReceiptError):
                verify_receipt(bytes(flipped), exchange_keys=EXCHANGE_KEYS, provider_keys=PROVIDER_KEYS)


def test_every_byte_dropped_doubled_or_replaced_in_a_receipt_is_found() -> None:
    data = receipt_file()
    for position in range(len(data)):
        head, byte, tail = data[:position], data[position : position + 1], data[position + 1 :]
        other = bytes([byte[0] ^ 0xFF])
        for changed in (head + tail, head + byte + byte + tail, head + other + tail, head):
            with pytest.raises(ReceiptError):
                verify_receipt(changed, exchange_keys=EXCHANGE_KEYS, provider_keys=PROVIDER_KEYS)
