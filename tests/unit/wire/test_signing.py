"""Signatures are bound to key, domain and payload; keys have one spelling."""

import pytest

from cux.wire.signing import SigningError, SigningKey, decode_key, decode_signature, key_id, verify

# RFC 8032, section 7.1, test 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_public_key_follows_from_the_seed_and_names_itself() -> None:
    key = SigningKey(SEED)
    assert key.public.hex() == PUBLIC
    assert key.key_id == key_id(bytes.fromhex(PUBLIC)) == "21fe31dfa154a261"


def test_a_signature_holds_for_its_key_domain_and_payload_only() -> None:
    key = SigningKey(SEED)
    signature = key.sign(domain="cux-receipt-v1", payload=b"x")
    assert verify(key.public, domain="cux-receipt-v1", payload=b"x", signature=signature)
    assert not verify(key.public, domain="cux-statement-v1", payload=b"x", signature=signature)
    assert not verify(key.public, domain="cux-receipt-v1", payload=b"y", signature=signature)
    assert not verify(key.public, domain="cux-receipt-v1", payload=b"x", signature=signature[:-1])
    other = SigningKey(bytes(32))
    assert not verify(other.public, domain="cux-receipt-v1", payload=b"x", signature=signature)


def test_the_seed_never_shows_in_a_repr() -> None:
    assert SEED.hex() not in repr(SigningKey(SEED))
    assert str(SEED) not in repr(SigningKey(SEED))


@pytest.mark.parametrize("domain", ["", "Receipt", "a\nb", "a b", "x" * 33])
def test_a_domain_cannot_reach_into_the_payload(domain: str) -> None:
    with pytest.raises(SigningError):
        SigningKey(SEED).sign(domain=domain, payload=b"")


@pytest.mark.parametrize(
    "text", ["", PUBLIC.upper(), PUBLIC[:-2], PUBLIC + "00", PUBLIC[:-1] + "\n", "é" * 64]
)
def test_keys_have_one_spelling(text: str) -> None:
    with pytest.raises(SigningError):
        decode_key(text)
    assert decode_key(PUBLIC).hex() == PUBLIC


def test_signatures_have_one_spelling() -> None:
    assert decode_signature("0a" * 64) == b"\x0a" * 64
    for text in ("0A" * 64, "0a" * 63, "0a" * 65):
        with pytest.raises(SigningError):
            decode_signature(text)


def test_keys_of_another_length_are_refused() -> None:
    with pytest.raises(SigningError):
        SigningKey(b"short")
    with pytest.raises(SigningError):
        verify(b"short", domain="a", payload=b"", signature=bytes(64))


@pytest.mark.parametrize("sign_bit", [0x00, 0x80])
def test_a_key_under_which_one_signature_fits_any_message_verifies_nothing(sign_bit: int) -> None:
    """For the identity as key, R = B and S = 1 solve the equation whatever the message."""
    identity = b"\x01" + bytes(30) + bytes([sign_bit])
    base = bytes.fromhex("58" + "66" * 31)
    signature = base + b"\x01" + bytes(31)
    assert not verify(identity, domain="cux-receipt-v1", payload=b"x", signature=signature)
