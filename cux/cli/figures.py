"""Figures for people, exact, from the integers that decide."""

from cux.cli.exits import UsageError
from cux.client.views import Instrument
from cux.wire.orders import OrderView

NANO_PER_USD = 1_000_000_000
UCU_PER_CU = 1_000_000
PPM = 1_000_000


def usd(amount_nano_usd: int) -> str:
    """Return dollars with at least two decimals and as many more as the amount has."""
    sign = "-" if amount_nano_usd < 0 else ""
    dollars, nano = divmod(abs(amount_nano_usd), NANO_PER_USD)
    digits = f"{nano:09d}"
    return f"{sign}${dollars:,}.{digits[:2]}{digits[2:].rstrip('0')}"


def nano_usd(text: str) -> int:
    """Return dollars, such as 25.00, in nano-USD, exactly. Raises UsageError."""
    dollars, _, decimals = text.partition(".")
    digits = dollars + decimals.ljust(9, "0")
    if not (digits.isascii() and digits.isdigit()) or len(decimals) > 9 or not dollars:
        raise UsageError("expected an amount of dollars such as 25.00")
    return int(dollars) * NANO_PER_USD + int(decimals.ljust(9, "0"))


def cu(compute_ucu: int) -> str:
    """Return compute units with as many decimals as there are."""
    whole, micro = divmod(compute_ucu, UCU_PER_CU)
    decimals = f"{micro:06d}".rstrip("0")
    return f"{whole:,}.{decimals} CU" if decimals else f"{whole:,} CU"


def usd_per_cu(instrument: Instrument, price_ticks: int) -> str:
    """Return a price in dollars per compute unit, cut at the nano-dollar."""
    return usd(price_ticks * instrument.tick_nano_usd * UCU_PER_CU // instrument.lot_ucu)


def cost_nano_usd(instrument: Instrument, price_ticks: int, quantity_lots: int) -> int:
    """Return what lots cost at a price, without fee."""
    return price_ticks * quantity_lots * instrument.tick_nano_usd


def percent(rate_ppm: int) -> str:
    """Return parts per million as a percentage."""
    whole, rest = divmod(abs(rate_ppm), PPM // 100)
    decimals = f"{rest:04d}".rstrip("0")
    sign = "-" if rate_ppm < 0 else ""
    return f"{sign}{whole}.{decimals} %" if decimals else f"{sign}{whole} %"


def duration(seconds: int) -> str:
    """Return a duration in the largest units that say it exactly."""
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "h"), (rest // 60, "min"), (rest % 60, "s"))
    return " ".join(f"{count:,} {unit}" for count, unit in parts if count) or "0 s"


def moment(instant: str) -> str:
    """Return an RFC 3339 instant to the second, in UTC, as people read it."""
    return instant[:19].replace("T", " ")


def average_usd(order: OrderView) -> str:
    """Return an order's average price per lot; a dash before its first trade."""
    average = order.avg_price_nano_usd_per_lot
    return "–" if average is None else usd(average)
