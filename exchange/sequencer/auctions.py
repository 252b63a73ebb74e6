"""A call auction as the sequencer holds it: where it is, what would trade now, when its next step is. Pure.

Input until `no_cancel_at`; from then on orders may only improve; from `close_from_at` on it ends at a random
instant, at `closes_at` at the latest.
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from core.clock import rfc3339
from core.ids import public_id
from exchange.engine.events import Indicative
from exchange.engine.orders import Phase

AuctionKind = Literal["scheduled", "volatility", "open", "reopen", "close"]
AuctionStep = Literal["input", "no_cancel", "random_close", "done"]

STARTS_FROM: Final[dict[AuctionKind, frozenset[Phase]]] = {
    "scheduled": frozenset({"pre_open", "continuous"}),
    "open": frozenset({"pre_open", "closed"}),
    "reopen": frozenset({"halted", "cancel_only"}),
    "close": frozenset({"pre_open", "continuous"}),
    "volatility": frozenset(),
}
"""The phases from which an auction of a kind may be started by command; none: the exchange starts it."""
ENDS_IN: Final[dict[AuctionKind, frozenset[Phase]]] = {
    "scheduled": frozenset({"pre_open", "continuous", "closed"}),
    "open": frozenset({"continuous", "pre_open"}),
    "reopen": frozenset({"continuous", "pre_open"}),
    "close": frozenset({"closed"}),
    "volatility": frozenset({"continuous"}),
}
"""The phases in which it may leave the instrument."""
LONGEST_S: Final = 86_400


class Periods(NamedTuple):
    """How long an auction's steps last, in seconds; the last one at most."""

    input_s: int
    no_cancel_s: int
    random_close_s: int

    @property
    def longest_s(self) -> int:
        """Return how long the auction lasts at most."""
        return sum(self)

    @property
    def are_allowed(self) -> bool:
        """Tell whether an auction can have them: some time for input, and a day at most."""
        return self.input_s > 0 and min(self) >= 0 and self.longest_s <= LONGEST_S


def volatility_periods(seconds: int) -> Periods:
    """Return the periods of an interruption of at most so many seconds: its last sixth closes at random."""
    random_close_s = seconds // 6
    return Periods(max(seconds - random_close_s, 1), 0, random_close_s)


@dataclass(slots=True, eq=False, kw_only=True)
class AuctionState:
    """An auction as its row will show it. Price, volume and surplus are what an uncross would do, or did.

    `drawn_at` is when it will end, drawn when its random close begins and known to nobody else: it is
    never stored. After a restart it is drawn again from the time that is left, which changes no
    odds: a uniform instant that has not come yet is uniform over the rest. What the journal keeps is the
    uncross itself and when it came, and replay needs no more.
    """

    id: uuid.UUID
    instrument_id: uuid.UUID
    kind: AuctionKind
    state: AuctionStep = "input"
    reference_ticks: int
    started_at: datetime
    no_cancel_at: datetime
    close_from_at: datetime
    closes_at: datetime
    then_phase: Phase
    delivers_until: datetime | None = None
    ended_at: datetime | None = None
    price_ticks: int | None = None
    volume_lots: int = 0
    surplus_lots: int = 0
    drawn_at: datetime | None = None

    @property
    def next_at(self) -> datetime:
        """Return when its next step is due."""
        if self.state == "input":
            return self.no_cancel_at
        return self.close_from_at if self.state == "no_cancel" else self.drawn_at or self.closes_at

    def draw(self, now: datetime) -> None:
        """Draw the instant of the close, evenly from what is left of the random close."""
        start = max(now, self.close_from_at)
        span_us = max(self.closes_at - start, timedelta()) // timedelta(microseconds=1)
        self.drawn_at = start + timedelta(microseconds=secrets.randbelow(span_us + 1))

    def take(self, outcome: Indicative) -> bool:
        """Take over what would trade, or did; tell whether that is something new."""
        shown = (outcome.price, outcome.volume, outcome.surplus)
        is_new = shown != (self.price_ticks, self.volume_lots, self.surplus_lots)
        self.price_ticks, self.volume_lots, self.surplus_lots = shown
        return is_new

    def view(self) -> dict[str, Any]:
        """Return it as the market's stream tells it."""
        return {
            "auction_id": public_id("auction", self.id),
            "kind": self.kind,
            "state": self.state,
            "price_ticks": self.price_ticks,
            "volume_lots": self.volume_lots,
            "surplus_lots": self.surplus_lots,
            "no_cancel_at": rfc3339(self.no_cancel_at),
            "closes_by": rfc3339(self.closes_at),
        }

    def facts(self) -> tuple[Any, ...]:
        """Return all that is state of it, for the state's hash."""
        times = (self.started_at, self.no_cancel_at, self.close_from_at, self.closes_at, self.delivers_until)
        outcome = (self.price_ticks, self.volume_lots, self.surplus_lots)
        return (self.id, self.kind, self.state, self.reference_ticks, self.then_phase, *times, *outcome)


def opened(
    *,
    id: uuid.UUID,
    instrument_id: uuid.UUID,
    kind: AuctionKind,
    reference_ticks: int,
    periods: Periods,
    then_phase: Phase,
    now: datetime,
    delivers_until: datetime | None = None,
) -> AuctionState:
    """Return an auction that starts now."""
    no_cancel_at = now + timedelta(seconds=periods.input_s)
    close_from_at = no_cancel_at + timedelta(seconds=periods.no_cancel_s)
    return AuctionState(
        id=id,
        instrument_id=instrument_id,
        kind=kind,
        reference_ticks=reference_ticks,
        started_at=now,
        no_cancel_at=no_cancel_at,
        close_from_at=close_from_at,
        closes_at=close_from_at + timedelta(seconds=periods.random_close_s),
        then_phase=then_phase,
        delivers_until=delivers_until,
    )
