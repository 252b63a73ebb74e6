"""Figures as people read them, exact to the last digit. Nothing here decides anything."""

from datetime import datetime, timedelta

from core.money import format_usd, mul_div_floor, mul_div_half_even
from exchange.models import Instrument

UCU_PER_CU = 1_000_000


def usd_per_cu(instrument: Instrument, price_ticks: int) -> str:
    """Return a price in dollars per compute unit, cut at the nano-dollar: `$19.90`."""
    return of_lot_per_cu(instrument, price_ticks * instrument.tick_nano_usd)


def of_lot_per_cu(instrument: Instrument, nano_usd_per_lot: int) -> str:
    """Return a price per lot in dollars per compute unit, cut at the nano-dollar."""
    return format_usd(mul_div_floor(nano_usd_per_lot, UCU_PER_CU, instrument.lot_ucu))


def cu(compute_ucu: int) -> str:
    """Return µCU as CU without trailing zeros: 12,500 µCU are `0.0125`."""
    whole, micro = divmod(compute_ucu, UCU_PER_CU)
    fraction = f"{micro:06d}".rstrip("0")
    return f"{whole:,}.{fraction}" if fraction else f"{whole:,}"


def change(rate_ppm: int) -> str:
    """Return a change with its direction, in percent to two places, half-even: `▲ 1.25 %`."""
    whole, hundredths = divmod(mul_div_half_even(abs(rate_ppm), 1, 100), 100)
    sign = "▲ " if rate_ppm > 0 else "▼ " if rate_ppm < 0 else ""
    return f"{sign}{whole:,}.{hundredths:02d} %"


def time_left(until: datetime, now: datetime) -> str:
    """Return how long it is until a moment, in its two largest units: `23 h 58 min`."""
    minutes = (until - now) // timedelta(minutes=1)
    if until <= now:
        return "ended"
    if minutes < 1:
        return "under a minute"
    days, hours, rest = minutes // 1_440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"
