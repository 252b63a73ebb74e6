"""What a cover costs and what it can afford: the pure part of buying cover, in lots, ticks, nano-USD."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.money import fee_nano_usd


@dataclass(frozen=True, slots=True)
class Contract:
    """The figures of the instrument that a cover is bought on."""

    lot_ucu: int
    tick_nano_usd: int
    taker_fee_ppm: int
    band_high_ticks: int


def lots_needed(compute_ucu: int, contract: Contract) -> int:
    """Return the whole lots that cover `compute_ucu`."""
    return -(-compute_ucu // contract.lot_ucu)


def worst_price_ticks(asks: Sequence[tuple[int, int]], lots: int, contract: Contract) -> int | None:
    """Return the highest price at which `lots` can be bought now from (price, lots) levels, best first.

    None if the book holds too little within the band.
    """
    for price, quantity in asks:
        if price > contract.band_high_ticks:
            return None
        lots -= quantity
        if lots <= 0:
            return price
    return None


def cost_nano_usd(lots: int, price_ticks: int, contract: Contract) -> int:
    """Return the most that an order for `lots` at this limit can cost, fee included."""
    notional = lots * price_ticks * contract.tick_nano_usd
    return notional + fee_nano_usd(notional, contract.taker_fee_ppm)


def top_up_sources(missing: int, *, hold_back: int, insurance: int) -> tuple[int, int] | None:
    """Return what hold-back, then insurance, give towards `missing`; None if both are not enough."""
    from_hold_back = min(missing, hold_back)
    from_insurance = missing - from_hold_back
    return None if from_insurance > insurance else (from_hold_back, from_insurance)
