"""What an order may cost, and whether wallet or capacity covers it. Pure."""

from dataclasses import dataclass

from core.errors import Code, CuxError
from core.money import PPM, mul_div_floor
from exchange.sequencer.facts import Instrument


@dataclass(slots=True)
class Wallet:
    """A trading wallet in nano-USD, as its balance row has it. Only the sequencer writes either."""

    posted: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        """Return what no open order has set aside."""
        return self.posted - self.held

    def require(self, amount_nano_usd: int) -> None:
        """Refuse if less than this is available (INSUFFICIENT_BALANCE)."""
        if amount_nano_usd > self.available:
            raise CuxError(Code.INSUFFICIENT_BALANCE)


@dataclass(slots=True)
class Backing:
    """A provider's firm or idle capacity in a class, and the claims on it in µCU.

    `issued_ucu` is what was sold and is neither drawn nor expired: drawing and expiry happen outside
    the sequencer, so the figure may lag, and then only on the safe side. `offered_ucu` is what its
    open sell orders offer.
    """

    rate_ucu_per_s: int | None = None
    tier_factor_ppm: int = 0
    issued_ucu: int = 0
    offered_ucu: int = 0

    def free_ucu(self, window_s: int) -> int:
        """Return rate × tier factor × window − issued − offered (ARCHITECTURE, "Backing").

        Raises:
            CuxError: NO_CAPACITY if none was ever measured.
        """
        if self.rate_ucu_per_s is None:
            raise CuxError(Code.NO_CAPACITY)
        capacity = mul_div_floor(self.rate_ucu_per_s * window_s, self.tier_factor_ppm, PPM)
        return capacity - self.issued_ucu - self.offered_ucu


def worst_case_nano_usd(
    instrument: Instrument, price_ticks: int, quantity_lots: int, fee_ppm: int | None = None
) -> int:
    """Return the most that buying this can take from a wallet: price and fee of every lot.

    Without a fee of one's own it is the instrument's dearer one, which no tier exceeds.

    The fee of a lot is rounded up. A fill of q lots pays a fee rounded half to even, at most q times
    that, so the sum holds however the order is split into fills; and being linear in lots, what is
    set aside for the rest is always exactly this function of the rest.
    """
    lot_price = instrument.notional_nano_usd(price_ticks, 1)
    rate_ppm = max(instrument.maker_fee_ppm, instrument.taker_fee_ppm) if fee_ppm is None else fee_ppm
    return quantity_lots * (lot_price - (-lot_price * rate_ppm // PPM))
