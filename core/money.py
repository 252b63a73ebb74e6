"""Integer money and the few exact operations CUX needs on it.

Money is integer nano-USD (10^9 nano-USD = 1 USD); compute is integer µCU. Nothing here rounds
silently: every division says how it rounds.
"""

from typing import Final

NANO_PER_USD: Final = 1_000_000_000
NANO_PER_CENT: Final = 10_000_000
PPM: Final = 1_000_000
BIGINT_MAX: Final = 2**63 - 1


def mul_div_floor(value: int, numerator: int, denominator: int) -> int:
    """Return ⌊value · numerator ÷ denominator⌋ exactly. The denominator must be positive."""
    if denominator <= 0:
        raise ValueError(f"Expected a positive denominator, was {denominator}")
    return value * numerator // denominator


def mul_div_half_even(value: int, numerator: int, denominator: int) -> int:
    """Return value · numerator ÷ denominator rounded half to even (the rule for fees)."""
    if denominator <= 0:
        raise ValueError(f"Expected a positive denominator, was {denominator}")
    quotient, remainder = divmod(value * numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        quotient += 1
    return quotient


def fee_nano_usd(amount_nano_usd: int, rate_ppm: int) -> int:
    """Return the fee on an amount at a rate in parts per million, half-even, in nano-USD."""
    return mul_div_half_even(amount_nano_usd, rate_ppm, PPM)


def share_released(total: int, used_before: int, used_after: int, quantity: int) -> int:
    """Return what a total releases when use goes from `used_before` to `used_after` of `quantity`.

    ⌊N·u₂/Q⌋ − ⌊N·u₁/Q⌋ (ARCHITECTURE, "Drawing"): the parts of any split sum exactly to the total.
    """
    if not 0 <= used_before <= used_after <= quantity:
        raise ValueError(f"Expected 0 <= {used_before} <= {used_after} <= {quantity}")
    return mul_div_floor(total, used_after, quantity) - mul_div_floor(total, used_before, quantity)


def format_usd(amount_nano_usd: int, *, places: int | None = None) -> str:
    """Render nano-USD as dollars, exactly: `format_usd(1_500_000_000)` is `"$1.50"`.

    At least two decimals are shown and as many more as the amount has; `places` (2…9) cuts the
    figure there, towards zero, for displays where the exact amount is shown elsewhere.
    """
    sign = "-" if amount_nano_usd < 0 else ""
    dollars, nano = divmod(abs(amount_nano_usd), NANO_PER_USD)
    digits = f"{nano:09d}"
    digits = digits[:places] if places is not None else digits[:2] + digits[2:].rstrip("0")
    return f"{sign}${dollars:,}.{digits}"
