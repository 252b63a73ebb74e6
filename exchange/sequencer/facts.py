"""What the sequencer knows of an instrument. Pure."""

import uuid
from typing import Literal

import msgspec

from core.money import PPM, mul_div_floor
from exchange.engine.orders import Side

TimeInForce = Literal["GTC", "IOC", "FOK", "GTD", "DAY", "GFA"]
"""How long an order stays. To an engine GTD and DAY are GTC: the timer ends them."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tradable contract: `exchange.models.Instrument` without its phase, which the engine keeps."""

    id: uuid.UUID
    symbol: str
    compute_class: str
    delivery: str = "spot"
    lot_ucu: int
    tick_nano_usd: int
    band_low_ticks: int
    band_high_ticks: int
    max_order_lots: int
    min_order_lots: int = 1
    reference_ticks: int | None = None
    band_ppm: int = 0
    volatility_ppm: int = 0
    volatility_auction_s: int = 30
    max_notional_nano_usd: int = 0
    max_open_orders: int = 1_000
    maker_fee_ppm: int
    taker_fee_ppm: int
    window_s: int

    @property
    def pool(self) -> str:
        """Return the name under which what backs it is counted: idle capacity apart from firm capacity."""
        firm, idle = pools(self.compute_class)
        return idle if self.delivery == "idle" else firm

    @property
    def first_reference_ticks(self) -> int:
        """Return the reference price before the first trade: the listed one, else the middle of the band."""
        return self.reference_ticks or (self.band_low_ticks + self.band_high_ticks) // 2

    def notional_nano_usd(self, price_ticks: int, quantity_lots: int) -> int:
        """Return price · quantity in nano-USD."""
        return price_ticks * quantity_lots * self.tick_nano_usd

    def band(self, reference_ticks: int) -> tuple[int, int]:
        """Return the lowest and highest price of an order: `band_ppm` around the reference price, rounded
        inwards, and never beyond the outer band; without `band_ppm` the outer band."""
        low, high = self.band_low_ticks, self.band_high_ticks
        if not self.band_ppm:
            return low, high
        span = mul_div_floor(reference_ticks, self.band_ppm, PPM)
        return max(low, reference_ticks - span), min(high, reference_ticks + span)

    def protection_ticks(self, side: Side) -> int:
        """Return the worst price at which a market order may trade: the far end of the outer band."""
        return self.band_high_ticks if side == "buy" else self.band_low_ticks

    def is_volatile(self, reference_ticks: int, price_ticks: int) -> bool:
        """Tell whether a trade at this price would be further than `volatility_ppm` from the reference."""
        distance = abs(price_ticks - reference_ticks)
        return self.volatility_ppm > 0 and distance * PPM > reference_ticks * self.volatility_ppm


def pools(compute_class: str) -> tuple[str, str]:
    """Return the names of a class's firm and idle capacity.

    Both are the same machines: what is firm comes first, and idle is what that leaves unused, which is why
    it is paid only as used. So neither counts against the other.
    """
    return compute_class, f"{compute_class}/idle"
