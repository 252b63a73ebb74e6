"""What an account may do: kill switch, limits and fees. Pure; what its wallet allows is `risk`'s question."""

from typing import NamedTuple

import msgspec

from core.errors import Code, CuxError
from exchange.engine.orders import Side
from exchange.sequencer.facts import Instrument


class Rates(NamedTuple):
    """Fees in parts per million of the price, by the role that an order has in a trade."""

    maker_ppm: int
    taker_ppm: int

    @property
    def worst_ppm(self) -> int:
        """Return the dearer of both: what an order has to be ready to pay."""
        return max(self)


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What operators have set for an account; by default nothing, and instruments' own limits hold."""

    is_blocked: bool = False
    reason: str = ""
    fee_tier: str = ""
    max_open_orders: int | None = None
    max_notional_nano_usd: int | None = None

    def check_blocked(self) -> None:
        """Refuse whatever would open or change an order (ACCOUNT_BLOCKED)."""
        if self.is_blocked:
            reason = f": {self.reason}" if self.reason else ""
            raise CuxError(Code.ACCOUNT_BLOCKED, f"This account may not trade{reason}.")

    def check_open_orders(self, instrument: Instrument, open_orders: int) -> None:
        """Refuse one more resting order on an instrument beyond the limit (TOO_MANY_OPEN_ORDERS)."""
        most = instrument.max_open_orders if self.max_open_orders is None else self.max_open_orders
        if open_orders >= most:
            raise CuxError(Code.TOO_MANY_OPEN_ORDERS, f"This account may have {most} open orders here.")

    def check_notional(self, instrument: Instrument, notional_nano_usd: int) -> None:
        """Refuse an order worth more than instrument and account allow (NOTIONAL_LIMIT).

        All of it counts, what an iceberg hides too.
        """
        for most in (instrument.max_notional_nano_usd or None, self.max_notional_nano_usd):
            if most is not None and notional_nano_usd > most:
                raise CuxError(Code.NOTIONAL_LIMIT, f"An order may be worth {most} nano-USD at most.")


DEFAULT_TERMS = Terms()


def notional_nano_usd(
    instrument: Instrument, side: Side, limit_ticks: int, quantity_lots: int, reference_ticks: int
) -> int:
    """Return what an order is worth: a buy at its limit; a sell at its limit or, if higher, the reference.

    A sell far below the market would trade at the market's price, so its own limit says too little.
    """
    price = limit_ticks if side == "buy" else max(limit_ticks, reference_ticks)
    return instrument.notional_nano_usd(price, quantity_lots)
