"""When to send a call again: only if twice does no more than once, and only where waiting can help."""

import random
from dataclasses import dataclass
from typing import Any

from cux.client.call import Call
from cux.client.errors import CuxConnectionError, CuxError, RateLimitedError, UnavailableError

_jitter = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and after how many seconds; the exchange's Retry-After goes before our own pause."""

    retries: int = 3
    first_pause_s: float = 0.25
    longest_pause_s: float = 30.0

    def pause_s(self, call: Call[Any], error: CuxError, attempt: int) -> float | None:
        """Return how long to wait before repeating `call` after its failure number `attempt` (from 0).

        None: do not repeat it. Our own pause doubles each time and is spread at random over its upper half,
        so that many clients do not come back at once.
        """
        if attempt >= self.retries or not call.is_repeatable or not _may_pass(error):
            return None
        asked = error.retry_after_s if isinstance(error, RateLimitedError | UnavailableError) else None
        if asked is not None:
            return asked if asked <= self.longest_pause_s else None
        pause = min(self.first_pause_s * 2**attempt, self.longest_pause_s)
        return _jitter.uniform(pause / 2, pause)


def _may_pass(error: CuxError) -> bool:
    return isinstance(error, CuxConnectionError | RateLimitedError | UnavailableError)
