"""Whose turn it is when slots are short: start-time fair queueing over compute, one queue per provider and
model, one flow per organisation.

P. Goyal, H. M. Vin, H. Cheng, "Start-time fair queueing", IEEE/ACM ToN 5 (1997). A job starts, in virtual
time, where the clock stands or where its organisation's last job there ends, whichever is later, and ends as
much later as it may cost, divided by what was paid per CU (who pays twice as much gets twice as much). Jobs
are granted in the order of their starts, and the clock stands at the latest start granted. So an organisation
with a thousand jobs waiting delays another's first by no more than the slot that is taken just then.
"""

from dataclasses import dataclass
from typing import Final

_SCALE: Final = 10**10
_CHEAPEST_NANO_USD: Final = 10_000
"""Whoever paid less per CU than this counts as having paid it: turns stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a job stands in its queue: the lowest start is next, among equals the lowest finish."""

    start: int
    finish: int


def next_turn(*, clock: int, last_finish: int, compute_ucu: int, price_nano_usd_per_cu: int) -> Turn:
    """Return the turn of an organisation's next job; `last_finish` is its latest there, or 0.

    A job whose provider let it down passes 0, and so goes first: its caller has waited already.
    """
    start = max(clock, last_finish)
    cost = _SCALE * compute_ucu // max(price_nano_usd_per_cu, _CHEAPEST_NANO_USD)
    return Turn(start, start + max(1, cost))
