"""Rate limits: a bucket of a quota that fills evenly. Pure: integers only, the time is passed in.

A quota of q per w seconds lets pass at most q at once and q·t/w in every further t seconds. Nothing is
rounded: amounts are counted in parts of a unit times the nanoseconds of the window, so that a nanosecond
gives back exactly `limit` times `PARTS` of them. Forgetting a full bucket changes nothing.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, NamedTuple

PARTS: Final = 5
"""Costs are whole fifths of a unit."""
NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `limit` units at once, and as many again in every `window_s` seconds."""

    limit: int
    window_s: int


class Allowance(NamedTuple):
    """What a caller is told: whether it passed, and the figures of the answer's headers.

    `remaining` is in whole units; `reset_s` seconds until the quota is whole again, `retry_after_s` until
    what was refused would pass (0 if it passed, or never will). Both are rounded up.
    """

    passed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int


class Bucket:
    """What one caller has used of its quota."""

    __slots__ = ("_at_ns", "_missing")

    def __init__(self, now_ns: int) -> None:
        """Start full."""
        self._missing = 0
        self._at_ns = now_ns

    def take(self, quota: Quota, cost: int, now_ns: int) -> Allowance:
        """Take `cost` fifths of a unit if they are there; a refusal takes nothing.

        A clock that goes back counts as one that stands still.
        """
        gain, scale = quota.limit * PARTS, quota.window_s * NANO
        capacity, asked = gain * scale, cost * scale
        missing = self.missing(quota, now_ns)
        over = missing + asked - capacity
        passed = over <= 0
        if passed:
            missing += asked
        self._missing, self._at_ns = missing, max(now_ns, self._at_ns)
        return Allowance(
            passed=passed,
            limit=quota.limit,
            remaining=(capacity - missing) // (PARTS * scale),
            reset_s=-(-missing // (gain * NANO)),
            retry_after_s=0 if passed or asked > capacity else -(-over // (gain * NANO)),
        )

    def missing(self, quota: Quota, now_ns: int) -> int:
        """Return how much of the quota is not there now; 0: the bucket is full."""
        capacity = quota.limit * PARTS * quota.window_s * NANO
        filled = max(0, now_ns - self._at_ns) * quota.limit * PARTS
        return min(capacity, max(0, self._missing - filled))


class Buckets:
    """The buckets of all callers. Bounded: full ones are forgotten first, then the one used longest ago."""

    def __init__(self, size: int = 10_000) -> None:
        """Keep at most `size` buckets."""
        self._size = size
        self._buckets: dict[Hashable, tuple[Bucket, Quota]] = {}

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._buckets)

    def take(self, caller: Hashable, quota: Quota, cost: int, now_ns: int) -> Allowance:
        """Take from the caller's bucket as `Bucket.take` does."""
        kept = self._buckets.pop(caller, None)
        if kept is None and len(self._buckets) >= self._size:
            self._forget(now_ns)
        bucket = Bucket(now_ns) if kept is None else kept[0]
        self._buckets[caller] = (bucket, quota)
        return bucket.take(quota, cost, now_ns)

    def _forget(self, now_ns: int) -> None:
        used = {key: kept for key, kept in self._buckets.items() if kept[0].missing(kept[1], now_ns)}
        for oldest in list(used)[: max(0, len(used) - self._size + 1)]:
            del used[oldest]
        self._buckets = used
