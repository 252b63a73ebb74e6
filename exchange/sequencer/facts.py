"""What the sequencer knows of an instrument. Pure."""

import uuid

import msgspec

from exchange.engine.orders import Side


class Instrument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tradable contract: `exchange.models.Instrument` without its phase, which the engine keeps."""

    id: uuid.UUID
    symbol: str
    compute_class: str
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
    def first_reference_ticks(self) -> int:
        """Return the reference price before the first trade: the listed one, else the middle of the band."""
        return self.reference_ticks or (self.band_low_ticks + self.band_high_ticks) // 2

    def notional_nano_usd(self, price_ticks: int, quantity_lots: int) -> int:
        """Return price · quantity in nano-USD."""
        return price_ticks * quantity_lots * self.tick_nano_usd

    def protection_ticks(self, side: Side) -> int:
        """Return the worst price a market order may trade at: the far end of the band."""
        return self.band_high_ticks if side == "buy" else self.band_low_ticks
