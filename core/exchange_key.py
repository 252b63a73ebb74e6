"""The keys that the exchange signs receipts and ledger heads with: the one in use, and those before it.

A document names its key by id. One that was signed with a retired key counts if it says that it was signed
while that key was in use. So who has the old seed can still date back what they sign: that is found by
documents that others kept (docs/adr/0017-retired-signing-keys.md).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from django.conf import settings

from cux.wire.signing import SigningError, SigningKey, decode_key, key_id

RESTARTED_WITHIN: Final = timedelta(hours=1)
"""How long after a rotation began the old key may still sign: until then all processes are restarted."""


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A public key that the exchange signed with, and when."""

    public: bytes
    valid_from: datetime
    valid_until: datetime

    @property
    def key_id(self) -> str:
        """Return its short name."""
        return key_id(self.public)


def exchange_key() -> SigningKey:
    """Return the exchange's signing key."""
    return _signing_key(settings.RECEIPT_SIGNING_SEED)


def retired_keys() -> tuple[RetiredKey, ...]:
    """Return the keys before that, in the order in which they are configured.

    Raises:
        ValueError: what is configured is none (`manage.py check` says so too).
    """
    return _retired(tuple(settings.RETIRED_SIGNING_KEYS))


def exchange_keys_at(moment: datetime) -> dict[str, bytes]:
    """Return the public keys, by id, that a document may be signed with that says it was signed then."""
    valid = {key.key_id: key.public for key in retired_keys() if key.valid_from <= moment <= key.valid_until}
    own = exchange_key()
    return valid | {own.key_id: own.public}


def retirement(now: datetime) -> str:
    """Return the entry of RETIRED_SIGNING_KEYS for the key in use, if its rotation begins now.

    It came into use when the rotation before began; the first was always there.
    """
    before = max((key.valid_until for key in retired_keys()), default=None)
    valid_from = before - RESTARTED_WITHIN if before is not None else datetime(1970, 1, 1, tzinfo=UTC)
    times = (valid_from, now + RESTARTED_WITHIN)
    said = [time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") for time in times]
    return " ".join([exchange_key().public.hex(), *said])


@lru_cache(maxsize=4)
def _signing_key(seed: str) -> SigningKey:
    return SigningKey(decode_key(seed))


@lru_cache(maxsize=4)
def _retired(entries: tuple[str, ...]) -> tuple[RetiredKey, ...]:
    return tuple(_read(entry) for entry in entries)


def _read(entry: str) -> RetiredKey:
    try:
        public, valid_from, valid_until = entry.split()
        key = RetiredKey(decode_key(public), _instant(valid_from), _instant(valid_until))
    except (ValueError, SigningError) as error:
        raise ValueError(f"RETIRED_SIGNING_KEYS: {entry!r} is not `KEY FROM UNTIL`: {error}") from error
    if key.valid_from >= key.valid_until:
        raise ValueError(f"RETIRED_SIGNING_KEYS: {entry!r} ends before it begins")
    return key


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
