"""Whose key a secret is. Answers are remembered for a second, so that the hot path needs no query.

Keys in use are read again together before their second is over, so that no request waits for that: read one
by one, the keys of a burst after a quiet moment held everybody up for a tenth of a second. Reading notes that
they are in use, once a minute.
"""

import heapq
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef, Q

from accounts.keys import KeyFacts
from accounts.models import ApiKey, Ban
from accounts.networks import parse_networks
from accounts.secrets import secret_digest, secret_mode
from core.clock import utc_now
from core.errors import Code, CuxError

NOTED_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a key was last used."""


@dataclass(slots=True)
class _Answer:
    """What was read, when it was asked for, and when anybody last used it."""

    asked_at: float
    facts: KeyFacts
    used_at: float


class KeyCache:
    """Facts by digest, for `LIFETIME_S` from *before* they were read: a revoked key ends within that.

    Bounded: when full, the oldest answer goes. Unknown keys are not kept, so guessing fills nothing.
    """

    LIFETIME_S = 1.0
    REFRESH_S = 0.4
    IDLE_S = 30.0
    """How long a key that nobody uses is still read again with the others."""
    TOGETHER = 500
    """How many keys are read again at once, those used last: what they cost stays bounded. Others run out."""
    SIZE = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `clock` gives seconds and never goes back."""
        self._clock = clock
        self._known: dict[bytes, _Answer] = {}
        self._lock = threading.Lock()
        self._next_refresh = 0.0

    def get(self, digest: bytes) -> KeyFacts | None:
        """Return the remembered facts, if they are young enough."""
        known = self._known.get(digest)
        if known is None or self._clock() - known.asked_at >= self.LIFETIME_S:
            return None
        known.used_at = self._clock()
        return known.facts

    def find(self, digest: bytes, read: Callable[[bytes], KeyFacts | None]) -> KeyFacts | None:
        """Return the facts from memory or else from `read`."""
        facts = self.get(digest)
        if facts is None:
            asked_at = self._clock()
            facts = read(digest)
            self._keep(digest, asked_at, facts, used_at=asked_at)
        return facts

    def is_refresh_due(self) -> bool:
        """Tell one asker each `REFRESH_S` to call `refresh`."""
        now = self._clock()
        if now < self._next_refresh:
            return False
        self._next_refresh = now + self.REFRESH_S
        return True

    def refresh(self, read: Callable[[Collection[bytes]], Mapping[bytes, KeyFacts]]) -> None:
        """Read again what was used of late, all at once; forget what is known no more."""
        asked_at = self._clock()
        known = {digest: answer.used_at for digest, answer in list(self._known.items())}
        used = [digest for digest, used_at in known.items() if asked_at - used_at < self.IDLE_S]
        chosen = heapq.nlargest(self.TOGETHER, used, key=known.__getitem__)
        found = read(chosen)
        for digest in chosen:
            self._keep(digest, asked_at, found.get(digest), known[digest])

    def _keep(self, digest: bytes, asked_at: float, facts: KeyFacts | None, used_at: float) -> None:
        with self._lock:
            before = self._known.pop(digest, None)
            if facts is None:
                return
            if len(self._known) >= self.SIZE:
                del self._known[next(iter(self._known))]
            used_at = max(used_at, before.used_at) if before else used_at
            self._known[digest] = _Answer(asked_at, facts, used_at)


_CACHE = KeyCache()


def api_key_cached(secret: str) -> KeyFacts | None:
    """Return the facts of a key used within the last second, without any query; None if not known."""
    digest = secret_digest(secret)
    facts = _CACHE.get(digest) if digest is not None else None
    return facts if facts is not None and not _has_expired(facts) else None


def api_keys_refresh_due() -> bool:
    """Tell one asker now and again to call `api_keys_refresh`."""
    return _CACHE.is_refresh_due()


def api_keys_refresh() -> None:
    """Read all keys in use again, in one query."""
    _CACHE.refresh(_read)


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
    facts = _CACHE.find(digest, _read_one) if digest is not None else None
    if facts is None or _has_expired(facts):
        raise CuxError(Code.INVALID_API_KEY)
    return facts


def api_key_list(*, organisation_id: uuid.UUID, limit: int = 200) -> list[ApiKey]:
    """Return an organisation's keys, newest first, revoked and expired ones too."""
    return list(ApiKey.objects.filter(organisation_id=organisation_id).order_by("-id")[:limit])


def _has_expired(facts: KeyFacts) -> bool:
    return facts.expires_at is not None and time.time() >= facts.expires_at


def _read_one(digest: bytes) -> KeyFacts | None:
    return _read([digest]).get(digest)


def _read(digests: Collection[bytes]) -> dict[bytes, KeyFacts]:
    # The look-up compares digests inside an index: nothing of the secret can be learnt from its timing.
    valid = ApiKey.objects.filter(sha256__in=digests, revoked_at__isnull=True)
    banned = Ban.objects.filter(organisation=OuterRef("organisation"), lifted_at=None)
    rows = list(valid.select_related("organisation").annotate(bans=ArraySubquery(banned.values("reach"))))
    _note_use(rows, utc_now())
    return {bytes(row.sha256): _facts(row) for row in rows if Ban.Reach.EVERYTHING not in row.bans}


def _note_use(rows: Sequence[ApiKey], now: datetime) -> None:
    """Write down that keys were presented, if that was not done within the minute."""
    before = now - NOTED_EVERY
    stale = [row.id for row in rows if row.last_used_at is None or row.last_used_at < before]
    if not stale:
        return
    unnoted = ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=before), id__in=stale)
    free = unnoted.select_for_update(skip_locked=True, no_key=True)  # no request waits to be noted
    with transaction.atomic():
        ApiKey.objects.filter(id__in=free.values("id")).update(last_used_at=now)


def _facts(row: Any) -> KeyFacts:
    """Return what is known of a key's row, which has its organisation's `bans` beside it."""
    withheld = set() if row.organisation.is_house else {ApiKey.Scope.OPERATE}
    if row.bans:
        withheld.add(ApiKey.Scope.PROVIDE)
    return KeyFacts(
        key_id=row.id,
        organisation_id=row.organisation_id,
        scopes=frozenset(row.scopes) - withheld,
        expires_at=row.expires_at.timestamp() if row.expires_at is not None else None,
        networks=parse_networks(row.allowed_networks),
        order_limit=row.order_limit,
        order_window_s=row.order_window_s,
    )
