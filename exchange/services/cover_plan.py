"""What a cover costs, who pays for it and what is left: the pure part of buying cover."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.money import PPM, mul_div_floor
from exchange.sequencer.facts import Instrument


def lots_needed(compute_ucu: int, instrument: Instrument) -> int:
    """Return the whole lots that cover `compute_ucu`."""
    return -(-compute_ucu // instrument.lot_ucu)


def highest_price_ticks(instrument: Instrument, *, usual_ticks: int, premium_ppm: int) -> int:
    """Return the most that a lot of cover may cost: the usual price with a premium, within the band.

    Without it a provider, a buyer and an accomplice could fail a job on purpose and have insurance pay the
    upper band for the accomplice's offer.
    """
    return min(instrument.band_high_ticks, mul_div_floor(usual_ticks, PPM + premium_ppm, PPM))


def worst_price_ticks(asks: Sequence[tuple[int, int]], lots: int, highest_ticks: int) -> int | None:
    """Return the highest price at which `lots` can be bought now from (price, lots) levels, best first.

    None if the book holds too little up to `highest_ticks`.
    """
    for price, quantity in asks:
        if price > highest_ticks:
            return None
        lots -= quantity
        if lots <= 0:
            return price
    return None


def top_up_sources(missing: int, *, hold_back: int, insurance: int) -> tuple[int, int] | None:
    """Return what hold-back, then insurance, give towards `missing`; None if both are not enough."""
    from_hold_back = min(missing, hold_back)
    from_insurance = missing - from_hold_back
    return None if from_insurance > insurance else (from_hold_back, from_insurance)


@dataclass(frozen=True, slots=True)
class Remainder:
    """Who gets what a cover's order did not need, in nano-USD."""

    buyer: int
    hold_back: int
    insurance: int


def remainder(*, shares: int, hold_back: int, insurance: int, cost: int) -> Remainder:
    """Return who gets what is left of a cover's funds after `cost`, which is 0 if nothing was bought.

    Without a cover everybody gets back what they gave. With one, insurance is made whole first and then
    the hold-back, which is the first to pay; what the shares alone did not need stays with insurance,
    the cover wallet's source.
    """
    if not cost:
        return Remainder(buyer=shares, hold_back=hold_back, insurance=insurance)
    left = shares + hold_back + insurance - cost
    to_hold_back = min(hold_back, max(0, left - insurance))
    return Remainder(buyer=0, hold_back=to_hold_back, insurance=left - to_hold_back)
