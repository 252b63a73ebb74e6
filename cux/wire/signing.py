"""Ed25519 signatures with domain separation, and the strict text form of keys and signatures.

A signature covers `<domain>\\n<payload>`: one made for a statement can never pass for a receipt's.
Keys and signatures travel as lowercase hex of exact length, so each has one spelling.
"""

import hashlib
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES = 32
SIGNATURE_BYTES = 64
_DOMAIN = re.compile(r"[a-z0-9-]{1,32}")
_SIGN_BIT = 0x80
# The encodings, sign bit aside, of the points whose order divides 8. Under such a key one signature fits any
# message, so its owner could disown what it signed.
_LOW_ORDER = frozenset(
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
_HEX = re.compile(r"(?:[0-9a-f]{2})*")


class SigningError(ValueError):
    """A key, signature or domain is malformed."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key made of a seed of 32 bytes, which the caller draws (`os.urandom(32)`)."""

    seed: bytes = field(repr=False)
    public: bytes = field(init=False)
    _private: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_BYTES:
            raise SigningError(f"expected a seed of {KEY_BYTES} bytes, was {len(self.seed)}")
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        object.__setattr__(self, "_private", private)
        object.__setattr__(self, "public", private.public_key().public_bytes_raw())

    @property
    def key_id(self) -> str:
        """The short name of the public key; see `key_id`."""
        return key_id(self.public)

    def sign(self, *, domain: str, payload: bytes) -> bytes:
        """Return the signature of 64 bytes over `payload` in `domain`."""
        return self._private.sign(_message(domain, payload))


def verify(public: bytes, *, domain: str, payload: bytes, signature: bytes) -> bool:
    """Tell whether `signature` was made over `payload` in `domain` by the owner of `public`.

    A key that binds its owner to nothing (a point of low order) verifies nothing. Raises SigningError if
    `public` has not 32 bytes.
    """
    if len(public) != KEY_BYTES:
        raise SigningError(f"expected a public key of {KEY_BYTES} bytes, was {len(public)}")
    if public[:-1] + bytes([public[-1] & ~_SIGN_BIT]) in _LOW_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _message(domain, payload))
    except InvalidSignature:
        return False
    return True


def key_id(public: bytes) -> str:
    """Return the short name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def decode_key(text: str) -> bytes:
    """Return the key (public, or a seed) written as 64 lowercase hex digits; SigningError otherwise."""
    return _decode(text, KEY_BYTES)


def decode_signature(text: str) -> bytes:
    """Return the signature written as 128 lowercase hex digits; SigningError otherwise."""
    return _decode(text, SIGNATURE_BYTES)


def _decode(text: str, length: int) -> bytes:
    if len(text) != 2 * length or not _HEX.fullmatch(text):
        raise SigningError(f"expected {2 * length} lowercase hex digits")
    return bytes.fromhex(text)


def _message(domain: str, payload: bytes) -> bytes:
    if not _DOMAIN.fullmatch(domain):
        raise SigningError(f"malformed domain {domain!r}")
    return domain.encode("ascii") + b"\n" + payload
