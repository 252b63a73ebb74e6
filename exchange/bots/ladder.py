"""The orders that make a two-sided market around a price."""

from dataclasses import dataclass
from typing import Final, Literal

LEVELS: Final = 5
LEVEL_LOTS: Final = 20
"""Lots at the best level; the n-th has n times as many."""
LEVEL_PPM: Final = 2_500
"""The distance from level to level, and of the best one from the price; at least one tick."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One order of the ladder."""

    side: Literal["buy", "sell"]
    price_ticks: int
    quantity_lots: int


def ladder(*, price_ticks: int, band_ticks: tuple[int, int]) -> list[Quote]:
    """Return bids and asks around a price, best first, those within the band."""
    low, high = band_ticks
    distance = max(1, price_ticks * LEVEL_PPM // 1_000_000)
    quotes = []
    for level in range(1, LEVELS + 1):
        quotes.append(Quote("buy", price_ticks - level * distance, level * LEVEL_LOTS))
        quotes.append(Quote("sell", price_ticks + level * distance, level * LEVEL_LOTS))
    return [quote for quote in quotes if low <= quote.price_ticks <= high]
