"""Whose key a secret is. Answers are remembered for a second, so that the hot path needs no query."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from accounts.models import ApiKey
from accounts.secrets import secret_digest, secret_mode
from core.errors import Code, CuxError


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """For whom a key speaks, and what it may do."""

    key_id: uuid.UUID
    organisation_id: uuid.UUID
    scopes: frozenset[str]

    def require(self, *scopes: str) -> None:
        """Refuse unless the key has one of these scopes.

        Raises:
            CuxError: MISSING_SCOPE, naming the scope.
        """
        if self.scopes.isdisjoint(scopes):
            needed = " or ".join(f"`{scope}`" for scope in scopes)
            raise CuxError(Code.MISSING_SCOPE, f"This API key lacks the scope {needed}.", param="scope")


class KeyCache:
    """Facts by digest, for `LIFETIME_S` from *before* they were read: a revoked key ends within that.

    Bounded: when full, the oldest answer goes. Unknown keys are not kept, so guessing fills nothing.
    """

    LIFETIME_S = 1.0
    SIZE = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `clock` gives seconds and never goes back."""
        self._clock = clock
        self._known: dict[bytes, tuple[float, KeyFacts]] = {}
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> KeyFacts | None:
        """Return the remembered facts, if they are young enough."""
        known = self._known.get(digest)
        return known[1] if known is not None and self._clock() - known[0] < self.LIFETIME_S else None

    def find(self, digest: bytes, read: Callable[[bytes], KeyFacts | None]) -> KeyFacts | None:
        """Return the facts from memory or else from `read`."""
        facts = self.get(digest)
        if facts is None:
            asked_at = self._clock()
            facts = read(digest)
            self._keep(digest, asked_at, facts)
        return facts

    def _keep(self, digest: bytes, asked_at: float, facts: KeyFacts | None) -> None:
        with self._lock:
            self._known.pop(digest, None)
            if facts is None:
                return
            if len(self._known) >= self.SIZE:
                del self._known[next(iter(self._known))]
            self._known[digest] = (asked_at, facts)


_CACHE = KeyCache()


def api_key_cached(secret: str) -> KeyFacts | None:
    """Return the facts of a key used within the last second, without any query; None if not known."""
    digest = secret_digest(secret)
    return _CACHE.get(digest) if digest is not None else None


def api_key_find(secret: str) -> KeyFacts:
    """Return for whom this secret speaks; what was read a second ago may be answered from memory.

    Raises:
        CuxError: INVALID_API_KEY, malformed, unknown or revoked; OTHER_MARKET_MODE, a test key on the live
            market or the other way round.
    """
    mode = secret_mode(secret)
    if mode is not None and mode != settings.MARKET_MODE:
        raise CuxError(
            Code.OTHER_MARKET_MODE, f"This is a {mode} key, and this market is {settings.MARKET_MODE}."
        )
    digest = secret_digest(secret)
    facts = _CACHE.find(digest, _read) if digest is not None else None
    if facts is None:
        raise CuxError(Code.INVALID_API_KEY)
    return facts


def _read(digest: bytes) -> KeyFacts | None:
    # The look-up compares digests inside an index: nothing of the secret can be learnt from its timing.
    row = ApiKey.objects.filter(sha256=digest, revoked_at__isnull=True).first()
    if row is None:
        return None
    return KeyFacts(key_id=row.id, organisation_id=row.organisation_id, scopes=frozenset(row.scopes))
