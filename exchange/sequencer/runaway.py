"""A guard on the exchange's own output: a market that trades as none should is halted. Pure.

What runs away is seldom a market: a program that trades with itself or with a stale quote, or a fault here
(Knight Capital, 2012). So nothing is judged but how many trades there are.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(seconds=10)
MOST_TRADES: Final = 200_000
"""In a window, on one instrument: several times what the fastest batches of orders come to."""


@dataclass(slots=True)
class Output:
    """The trades of a market in the window that runs. After a restart it begins anew."""

    began_at: datetime | None = None
    trades: int = 0

    def count(self, trades: int, now: datetime) -> bool:
        """Count trades of this moment, and tell whether they are too many."""
        if self.began_at is None or now >= self.began_at + WINDOW:
            self.began_at, self.trades = now, 0
        self.trades += trades
        return self.trades > MOST_TRADES
