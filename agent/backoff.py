"""Waiting between attempts: exponential, capped, with jitter, so that agents do not return in step."""

import random
from dataclasses import dataclass

FIRST_S = 0.2
LONGEST_S = 10.0


@dataclass(slots=True)
class Backoff:
    """Delays of up to 0.2, 0.4, 0.8 … 10 s; `reset` after a success."""

    first_s: float = FIRST_S
    longest_s: float = LONGEST_S
    attempts: int = 0

    def next_s(self) -> float:
        """Seconds to wait before the next attempt: at least half of this attempt's ceiling."""
        # The exponent is bounded so that a long outage can not overflow the float.
        ceiling = min(self.longest_s, self.first_s * 2.0 ** min(self.attempts, 32))
        self.attempts += 1
        return ceiling * (0.5 + random.random() / 2)  # noqa: S311 (spreads retries, hides nothing)

    def reset(self) -> None:
        """Start over with the shortest delay."""
        self.attempts = 0
