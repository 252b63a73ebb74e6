"""Heads of the ledger's chain: signed by the exchange, and by nobody else."""

import msgspec
import pytest

from cux.wire.ledger_head import head_is_signed, parse_head, sign_head
from tests.unit.wire.builders import EXCHANGE_KEY, EXCHANGE_KEYS, PROVIDER_KEY

SIGNED = sign_head(height=7, hash="ab" * 32, published_at="2026-08-01T12:00:00.000000Z", key=EXCHANGE_KEY)


def test_what_the_exchange_signed_holds_after_a_round_trip() -> None:
    assert parse_head(msgspec.json.encode(SIGNED)) == SIGNED
    assert head_is_signed(SIGNED, EXCHANGE_KEYS)


@pytest.mark.parametrize(
    "change",
    [{"height": 8}, {"hash": "ac" * 32}, {"published_at": "2026-08-01T12:00:00.000001Z"}],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_field_breaks_the_signature(change: dict[str, object]) -> None:
    changed = msgspec.structs.replace(SIGNED, head=msgspec.structs.replace(SIGNED.head, **change))
    assert not head_is_signed(changed, EXCHANGE_KEYS)


def test_another_key_under_any_name_does_not_pass() -> None:
    assert not head_is_signed(SIGNED, {})
    assert not head_is_signed(SIGNED, {EXCHANGE_KEY.key_id: PROVIDER_KEY.public})
    forged = sign_head(height=7, hash="ab" * 32, published_at=SIGNED.head.published_at, key=PROVIDER_KEY)
    assert not head_is_signed(forged, EXCHANGE_KEYS)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"head": {}, "exchange_signature": ""}'])
def test_what_is_no_head_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse_head(data)
