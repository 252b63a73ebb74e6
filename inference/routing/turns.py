"""Whose turn it is when slots are short: start-time fair queueing over compute, one queue per provider and
model, one flow per organisation, in which small jobs go a little ahead.

After P. Goyal, H. M. Vin, H. Cheng, "Start-time fair queueing", IEEE/ACM ToN 5 (1997). A job begins, in
virtual time, where the clock stands or where its organisation's last job there ends, whichever is later,
and ends as much later as it may cost, divided by what was paid per CU (who pays twice as much gets twice as
much). Jobs are granted in the order of their middles, a long job's counted as if it were of `LONG_UCU`; the
clock stands at the latest middle granted. Hence:

- of jobs that begin alike the smaller is first: simple questions do not wait for hard ones;
- every grant moves the clock, and whoever comes later begins there. So small jobs that go on coming pass a
  large one by no more than `LONG_UCU` at its price in all: it does not starve;
- an organisation with a thousand jobs waiting delays another's first of their size by no more than the slot
  that is taken just then.
"""

from dataclasses import dataclass
from typing import Final

_SCALE: Final = 10**10
LONG_UCU: Final = 2_000
"""A job of as much counts as long, and one of more as no longer."""
_CHEAPEST_NANO_USD: Final = 10_000
"""Whoever paid less per CU than this counts as having paid it: turns stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a job stands in line: the lowest `start`, its place, is next, of equals the lowest finish."""

    start: int
    finish: int


def next_turn(
    *, clock: int, last_finish: int, compute_ucu: int, price_nano_usd_per_cu: int, again: bool = False
) -> Turn:
    """Return the turn of an organisation's next job; `last_finish` is its latest there, or 0.

    `again`: its provider let it down, and it goes first, as its caller has waited already.
    """
    price = max(price_nano_usd_per_cu, _CHEAPEST_NANO_USD)
    cost = max(1, _SCALE * compute_ucu // price)
    if again:
        return Turn(clock, clock + cost)
    begins = max(clock, last_finish)
    half = max(1, _SCALE * min(compute_ucu, LONG_UCU) // (2 * price))
    return Turn(begins + half, begins + cost)
