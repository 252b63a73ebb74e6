"""Whose key a secret is. Answers are remembered for a second, so that the hot path needs no query."""

import threading
import time
import uuid
from collections.abc import Callable

from django.conf import settings

from accounts.keys import KeyFacts
from accounts.models import ApiKey
from accounts.networks import parse_networks
from accounts.secrets import secret_digest, secret_mode
from core.errors import Code, CuxError


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
    facts = _CACHE.get(digest) if digest is not None else None
    return facts if facts is not None and not _has_expired(facts) else None


def api_key_find(secret: str) -> KeyFacts:
    """Return for whom this secret speaks; what was read a second ago may be answered from memory.

    Raises:
        CuxError: INVALID_API_KEY, malformed, unknown, expired or revoked; OTHER_MARKET_MODE, a test key on
            the live market or the other way round.
    """
    mode = secret_mode(secret)
    if mode is not None and mode != settings.MARKET_MODE:
        raise CuxError(
            Code.OTHER_MARKET_MODE, f"This is a {mode} key, and this market is {settings.MARKET_MODE}."
        )
    digest = secret_digest(secret)
    facts = _CACHE.find(digest, _read) if digest is not None else None
    if facts is None or _has_expired(facts):
        raise CuxError(Code.INVALID_API_KEY)
    return facts


def api_key_list(*, organisation_id: uuid.UUID, limit: int = 200) -> list[ApiKey]:
    """Return an organisation's keys, newest first, revoked and expired ones too."""
    return list(ApiKey.objects.filter(organisation_id=organisation_id).order_by("-id")[:limit])


def _has_expired(facts: KeyFacts) -> bool:
    return facts.expires_at is not None and time.time() >= facts.expires_at


def _read(digest: bytes) -> KeyFacts | None:
    # The look-up compares digests inside an index: nothing of the secret can be learnt from its timing.
    found = ApiKey.objects.filter(sha256=digest, revoked_at__isnull=True).select_related("organisation")
    row = found.first()
    if row is None:
        return None
    scopes = frozenset(row.scopes)
    return KeyFacts(
        key_id=row.id,
        organisation_id=row.organisation_id,
        scopes=scopes if row.organisation.is_house else scopes - {ApiKey.Scope.OPERATE},
        expires_at=row.expires_at.timestamp() if row.expires_at is not None else None,
        networks=parse_networks(row.allowed_networks),
        order_limit=row.order_limit,
        order_window_s=row.order_window_s,
    )
