"""The keys under which prompts and answers are sealed: one for each organisation, random, and deletable.

A key lies wrapped under the installation's sealing key. It is read at each use and never remembered, so that
a deleted one opens nothing any more, in any process.
"""

import os
import sys
import uuid
from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from django.db import connection

from core.models import DataKey
from core.sealing import SealError, decrypt, derived_key, encrypt, seal, unseal

_KEY_BYTES: Final = 32
_CONTEXT: Final = "data-key"
# Who seals keeps the key from being deleted until what was sealed is committed.
_SHARED: Final = "SELECT wrapped FROM core_datakey WHERE organisation_id = %s FOR KEY SHARE"
_MADE: Final = "INSERT INTO core_datakey (organisation_id, wrapped) VALUES (%s, %s) ON CONFLICT DO NOTHING"


def seal_token_ids(*, organisation_id: uuid.UUID, context: str, ids: Sequence[int]) -> bytes:
    """Return token ids, four bytes each, sealed and bound to `context` (such as `prompt:<job id>`).

    An organisation's key is made when it is first needed.
    """
    return seal_data(organisation_id=organisation_id, context=context, plain=token_bytes(ids))


def unseal_token_ids(*, organisation_id: uuid.UUID, context: str, sealed: bytes) -> list[int]:
    """Return the token ids that `seal_token_ids` sealed; raises SealError as `unseal_data`."""
    ids = array("I", unseal_data(organisation_id=organisation_id, context=context, sealed=sealed))
    if sys.byteorder == "little":
        ids.byteswap()
    return ids.tolist()


def seal_data(*, organisation_id: uuid.UUID, context: str, plain: bytes) -> bytes:
    """Return what somebody said or was answered sealed under the organisation's data key."""
    return data_sealer(organisation_id)(context, plain)


def data_sealer(organisation_id: uuid.UUID) -> Callable[[str, bytes], bytes]:
    """Return what seals under the organisation's data key until the transaction ends: `(context, plain)`."""
    return partial(encrypt, _key_for_sealing(organisation_id))


def unseal_data(*, organisation_id: uuid.UUID, context: str, sealed: bytes) -> bytes:
    """Return what `seal_data` sealed.

    Raises:
        SealError: the key was deleted since, or it is another organisation's, another context, other bytes.
    """
    return data_opener(organisation_id)(context, sealed)


def data_opener(organisation_id: uuid.UUID) -> Callable[[str, bytes], bytes]:
    """Return what opens many things that `seal_data` sealed: `(context, sealed)`, as `unseal_data`.

    Raises:
        SealError: the organisation has no key, or none any more.
    """
    row = DataKey.objects.filter(organisation_id=organisation_id).first()
    if row is None:
        raise SealError("The organisation has no data key")
    return partial(decrypt, _unwrapped(organisation_id, bytes(row.wrapped)))


def data_key_delete(*, organisation_id: uuid.UUID) -> bool:
    """This function will delete the organisation's key: nothing that it sealed can be read again.

    It waits for those who are sealing, and they for the caller's transaction. False if there was no key.
    """
    return bool(DataKey.objects.filter(organisation_id=organisation_id).delete()[0])


def wrapped_as_before(organisation_id: uuid.UUID) -> bytes:
    """Return as a data key, wrapped, the key under which prompts were sealed before there were data keys."""
    return seal(organisation_id=organisation_id, context=_CONTEXT, plain=derived_key(organisation_id))


def _key_for_sealing(organisation_id: uuid.UUID) -> bytes:
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_SHARED, [organisation_id])
            found = cursor.fetchone()
            if found is not None:
                return _unwrapped(organisation_id, found[0])
            fresh = seal(organisation_id=organisation_id, context=_CONTEXT, plain=os.urandom(_KEY_BYTES))
            cursor.execute(_MADE, [organisation_id, fresh])


def _unwrapped(organisation_id: uuid.UUID, wrapped: bytes) -> bytes:
    return unseal(organisation_id=organisation_id, context=_CONTEXT, sealed=bytes(wrapped))


def token_bytes(token_ids: Sequence[int]) -> bytes:
    """Return the ids as bytes, four each, big-endian on every machine."""
    ids = array("I", token_ids)
    if sys.byteorder == "little":
        ids.byteswap()
    return ids.tobytes()
