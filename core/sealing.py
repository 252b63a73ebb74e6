"""Sealing: prompts and answers at rest are readable only with the organisation's own key.

The key of an organisation is derived from the installation's sealing key (HKDF-SHA256, the organisation's
id as info); a sealed value is AES-256-GCM under it, bound to what it is (`context`), so that a ciphertext
moved to another row does not open.
"""

import os
import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES: Final = 12
_TOKEN_BYTES: Final = 4


class SealError(ValueError):
    """The bytes were not sealed for this organisation and context, or were changed since."""


def seal(*, organisation_id: uuid.UUID, context: str, plain: bytes) -> bytes:
    """Return `plain` sealed for the organisation, bound to `context` (such as `prompt:<job id>`)."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(organisation_id).encrypt(nonce, plain, context.encode())


def unseal(*, organisation_id: uuid.UUID, context: str, sealed: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        SealError: another organisation, another context, or changed bytes.
    """
    try:
        return _cipher(organisation_id).decrypt(
            sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()
        )
    except InvalidTag as error:
        raise SealError("The sealed bytes do not open") from error


def seal_token_ids(*, organisation_id: uuid.UUID, context: str, ids: Sequence[int]) -> bytes:
    """Return token ids sealed, four bytes each, big-endian."""
    plain = b"".join(token.to_bytes(_TOKEN_BYTES, "big") for token in ids)
    return seal(organisation_id=organisation_id, context=context, plain=plain)


def unseal_token_ids(*, organisation_id: uuid.UUID, context: str, sealed: bytes) -> list[int]:
    """Return the token ids sealed by `seal_token_ids`; raises as `unseal` does."""
    plain = unseal(organisation_id=organisation_id, context=context, sealed=sealed)
    return [int.from_bytes(plain[at : at + _TOKEN_BYTES], "big") for at in range(0, len(plain), _TOKEN_BYTES)]


@lru_cache(maxsize=1024)
def _cipher(organisation_id: uuid.UUID) -> AESGCM:
    info = b"cux-sealing-v1|" + organisation_id.bytes
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(settings.SEALING_KEY.encode())
    return AESGCM(key)
