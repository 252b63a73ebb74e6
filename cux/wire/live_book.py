"""A book that follows a market's stream: exchange and client keep the same one. Pure."""

import heapq
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

from cux.wire.orders import Level
from cux.wire.streams import BookSide, LevelChange

CHECKSUM_LEVELS: Final = 10


class LiveBook:
    """Open lots by price on both sides, as deltas leave them."""

    def __init__(self, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> None:
        """Start with the levels of a snapshot."""
        self._sides: Mapping[BookSide, dict[int, int]] = {"bid": dict(bids), "ask": dict(asks)}

    def change(self, levels: Iterable[LevelChange]) -> None:
        """Take what became of some levels: their open lots now, 0 for one that is gone."""
        for side, price_ticks, open_lots in levels:
            if open_lots:
                self._sides[side][price_ticks] = open_lots
            else:
                self._sides[side].pop(price_ticks, None)

    def bids(self, depth: int) -> list[Level]:
        """Return the best bids, highest first."""
        return heapq.nlargest(depth, self._sides["bid"].items())

    def asks(self, depth: int) -> list[Level]:
        """Return the best asks, lowest first."""
        return heapq.nsmallest(depth, self._sides["ask"].items())

    @property
    def size(self) -> int:
        """Return how many levels there are on both sides."""
        return sum(len(side) for side in self._sides.values())

    def checksum(self) -> int:
        """Return CRC-32 of the best ten levels: `bid:<ticks>:<lots>,` best first, then the asks likewise."""
        lines = [f"bid:{price}:{lots}," for price, lots in self.bids(CHECKSUM_LEVELS)]
        lines += [f"ask:{price}:{lots}," for price, lots in self.asks(CHECKSUM_LEVELS)]
        return zlib.crc32("".join(lines).encode())
