"""Sealing: secrets at rest are readable only with the installation's key, each for its organisation.

The key of an organisation is derived from the installation's sealing key (HKDF-SHA256, the organisation's
id as info); a sealed value is AES-256-GCM under it, bound to what it is (`context`), so that a ciphertext
moved to another row does not open. Prompts and answers have keys of their own (`core.data_keys`).
"""

import os
import uuid
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES: Final = 12


class SealError(ValueError):
    """The bytes were not sealed for this organisation and context, or were changed since."""


def seal(*, organisation_id: uuid.UUID, context: str, plain: bytes) -> bytes:
    """Return `plain` sealed for the organisation, bound to `context` (such as `prompt:<job id>`)."""
    return encrypt(derived_key(organisation_id), context, plain)


def unseal(*, organisation_id: uuid.UUID, context: str, sealed: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        SealError: another organisation, another context, or changed bytes.
    """
    return decrypt(derived_key(organisation_id), context, sealed)


def encrypt(key: bytes, context: str, plain: bytes) -> bytes:
    """Return `plain` under this key, bound to `context`."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def decrypt(key: bytes, context: str, sealed: bytes) -> bytes:
    """Return what `encrypt` was given; raises SealError as `unseal`."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except InvalidTag as error:
        raise SealError("The sealed bytes do not open") from error


@lru_cache(maxsize=1024)
def derived_key(organisation_id: uuid.UUID) -> bytes:
    """Return the key of an organisation's secrets; it is stored nowhere."""
    info = b"cux-sealing-v1|" + organisation_id.bytes
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(settings.SEALING_KEY.encode())
