"""What answers say about rate limits.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-06: `RateLimit-Limit`, `-Remaining`,
`-Reset` (seconds until the quota is whole again), and `Retry-After` with a refusal.
"""

import threading
import time
from collections.abc import Callable, Hashable, MutableMapping
from typing import Any, Final, Protocol

from core.errors import Code, CuxError
from core.quotas import PARTS, Buckets, Quota

_COUNTED: Final = "cux.allowance"


class Allowance(Protocol):
    """The figures of `core.quotas.Allowance`, wherever they were counted."""

    @property
    def passed(self) -> bool:
        """Return whether the request was within its quota."""

    @property
    def limit(self) -> int:
        """Return the quota."""

    @property
    def remaining(self) -> int:
        """Return what is left of it, in whole units."""

    @property
    def reset_s(self) -> int:
        """Return after how many seconds it is whole again."""

    @property
    def retry_after_s(self) -> int:
        """Return after how many seconds what was refused would pass."""


def allowance_headers(allowance: Allowance | None) -> dict[str, str]:
    """Return the header fields that tell a caller what it may still send; none if nothing was counted."""
    if allowance is None:
        return {}
    headers = {
        "RateLimit-Limit": str(allowance.limit),
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(allowance.reset_s),
    }
    if not allowance.passed:
        headers["Retry-After"] = str(allowance.retry_after_s or allowance.reset_s or 1)
    return headers


class RequestLimits:
    """Counts the requests to this process by caller, each once; what is left stands in its scope."""

    def __init__(self, quota: Quota, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Give every caller this quota."""
        self._quota = quota
        self._clock_ns = clock_ns
        self._buckets = Buckets()
        self._lock = threading.Lock()

    def count(self, scope: MutableMapping[str, Any], caller: Hashable) -> None:
        """Count a request, unless it was counted before. Raises CuxError RATE_LIMITED."""
        if _COUNTED in scope:
            return
        with self._lock:
            allowance = self._buckets.take(caller, self._quota, PARTS, self._clock_ns())
        scope[_COUNTED] = allowance
        if not allowance.passed:
            raise CuxError(Code.RATE_LIMITED, retry_after_s=allowance.retry_after_s)


def counted_headers(scope: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return the header fields for a request that was counted; none if it was not."""
    allowance = scope.get(_COUNTED)
    if allowance is None:
        return []
    said = allowance_headers(allowance)
    return [(name.lower().encode(), text.encode()) for name, text in said.items() if name != "Retry-After"]
