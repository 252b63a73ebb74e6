"""What to ask, and for how much: pure, in integers. Prices are ticks per lot, load is in millionths.

The ask rises with load from `ask_ticks` to `busy_ticks`, is scaled by the hour's percentage, and never falls
below the floor. What is offered is a share of what backs it, so that a sale can always be delivered.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

PPM = 1_000_000
DAY_MINUTES = 1_440
KEEP_LOTS_PERCENT = 10
"""A resting offer keeps its place in the queue while its size is this close to what is wanted."""

Ticks = Annotated[int, Meta(ge=1)]
Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z")]
"""An hour and minute in UTC."""


class Span(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"start": "from", "end": "to"},
):
    """A part of every day, in UTC, in which the ask is scaled; it may go past midnight."""

    start: Clock
    end: Clock
    percent: Annotated[int, Meta(ge=1, le=10_000)]

    def holds_at(self, minute: int) -> bool:
        """Whether a minute of the day, from 0, is in it; of equal ends every minute is."""
        begin, end = _minute(self.start), _minute(self.end)
        return (minute - begin) % DAY_MINUTES < ((end - begin) % DAY_MINUTES or DAY_MINUTES)


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one instrument is offered."""

    instrument: str
    floor_ticks: Ticks
    """Never less."""
    ask_ticks: int = 0
    """The ask while nothing runs; 0: the floor."""
    busy_ticks: int = 0
    """The ask while every slot is taken; 0: as while nothing runs."""
    share_percent: Annotated[int, Meta(ge=0, le=100)] = 90
    """How much of what backs it is offered."""
    step_ticks: Ticks = 1
    """A resting offer is moved only for a price that differs by this much."""
    most_lots: Annotated[int, Meta(ge=0)] = 0
    """Never more at once; 0: no limit."""
    schedule: tuple[Span, ...] = ()
    """Percentages by time of day; the first that holds counts."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the exchange says of an instrument."""

    lot_ucu: int
    window_s: int
    min_lots: int
    max_lots: int
    band_low_ticks: int = 0
    band_high_ticks: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A price and a size."""

    price_ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class Resting:
    """An offer of this agent's that stands in the book."""

    order_id: str
    offer: Offer


@dataclass(frozen=True, slots=True)
class Place:
    """Put an offer into the book."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Replace:
    """Change price or size of an offer that stands."""

    order_id: str
    offer: Offer


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take an offer out."""

    order_id: str


Step = Place | Replace | Cancel


def ask_ticks(policy: Policy, *, load_ppm: int, minute: int) -> int:
    """The price to ask at this load, at this minute of the UTC day; never below the floor."""
    calm = policy.ask_ticks or policy.floor_ticks
    busy = max(calm, policy.busy_ticks)
    load = min(max(load_ppm, 0), PPM)
    asked = calm + (busy - calm) * load // PPM
    percent = next((span.percent for span in policy.schedule if span.holds_at(minute)), 100)
    return max(policy.floor_ticks, asked * percent // 100)


def deliverable_ucu(*, rate_ucu_per_s: int, tier_factor_ppm: int, window_s: int, issued_ucu: int) -> int:
    """What may be offered altogether: rate × tier factor × window − what is sold and not drawn."""
    return max(0, rate_ucu_per_s * window_s * tier_factor_ppm // PPM - issued_ucu)


def wanted(policy: Policy, terms: Terms, *, free_ucu: int, load_ppm: int, minute: int) -> Offer | None:
    """The offer to have in the book, None for none: too little to offer, or a price beyond the bands."""
    lots = max(0, free_ucu) * policy.share_percent // 100 // terms.lot_ucu
    lots = min(lots, terms.max_lots, policy.most_lots or lots)
    price = max(ask_ticks(policy, load_ppm=load_ppm, minute=minute), terms.band_low_ticks)
    if lots < terms.min_lots or lots == 0 or (terms.band_high_ticks and price > terms.band_high_ticks):
        return None
    return Offer(price, lots)


def steps(want: Offer | None, resting: list[Resting], *, step_ticks: int) -> list[Step]:
    """What to do so that the offer that is wanted is the one that stands; the oldest of `resting` is kept.

    What is withdrawn comes first: it frees what backs the rest. An offer near enough is left where it is,
    unless it offers more than is wanted.
    """
    if want is None:
        return [Cancel(old.order_id) for old in resting]
    if not resting:
        return [Place(want)]
    kept, *spare = resting
    found: list[Step] = [Cancel(old.order_id) for old in spare]
    if not _is_near(kept.offer, want, step_ticks):
        found.append(Replace(kept.order_id, want))
    return found


def _is_near(there: Offer, want: Offer, step_ticks: int) -> bool:
    short = want.lots - there.lots
    return abs(there.price_ticks - want.price_ticks) < step_ticks and (
        0 <= short * 100 <= KEEP_LOTS_PERCENT * want.lots
    )


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
