"""How much tax a payment to the house carries, and why. Pure.

The house sells services by electronic means. Within the EU: its own country's rate at home, reverse charge
for businesses of other member states (Directive 2006/112/EC, Art. 44 and 196), and the customer's country's
rate for everybody else (Art. 58). Elsewhere tax is due where, and only where, the table has a rate.
"""

from dataclasses import dataclass
from typing import Final

from billing.rules.vat import EU
from core.money import NANO_PER_CENT, PPM, mul_div_half_even

REVERSE_CHARGE: Final = "Reverse charge: VAT is to be accounted for by the recipient (Art. 196, 2006/112/EC)."
OUT_OF_SCOPE: Final = "Outside the scope of VAT: the place of supply is where the recipient is."
NO_PROFILE: Final = "No tax: the recipient has given no billing address."


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax on a net amount: rate in ppm, amount in nano-USD (whole cents), and the note that states it."""

    rate_ppm: int
    amount_nano_usd: int
    note: str


@dataclass(frozen=True, slots=True)
class Rate:
    """A country's rate, such as 190,000 ppm `MwSt.`."""

    name: str
    rate_ppm: int


def tax_amount(net_nano_usd: int, rate_ppm: int) -> int:
    """Return the tax on a net amount, half-even to whole cents, in nano-USD: what a card can be charged."""
    cents = mul_div_half_even(net_nano_usd, rate_ppm, PPM * NANO_PER_CENT)
    return cents * NANO_PER_CENT


def net_of(gross_nano_usd: int, rate_ppm: int) -> int | None:
    """Return the net amount, whole cents, that is `gross_nano_usd` with its tax; None: none is."""
    near = mul_div_half_even(gross_nano_usd, PPM, (PPM + rate_ppm) * NANO_PER_CENT)
    nets = (cents * NANO_PER_CENT for cents in (near, near - 1, near + 1))
    return next((net for net in nets if net + tax_amount(net, rate_ppm) == gross_nano_usd), None)


def tax_on(net_nano_usd: int, *, seller: str, buyer: str, is_business: bool, rate: Rate | None) -> Tax:
    """Return the tax on `net_nano_usd` sold from one country to another, whose rate is `rate`."""
    if is_business and buyer != seller and {buyer, seller} <= EU:
        return Tax(0, 0, REVERSE_CHARGE)
    if rate is None or (is_business and buyer != seller):
        return Tax(0, 0, OUT_OF_SCOPE)
    return Tax(
        rate.rate_ppm,
        tax_amount(net_nano_usd, rate.rate_ppm),
        f"{rate.name} {percent(rate.rate_ppm)} ({buyer})",
    )


def percent(rate_ppm: int) -> str:
    """Return a rate as people read it: 255,000 ppm is `25.5 %`."""
    whole, rest = divmod(rate_ppm, 10_000)
    return f"{whole}{f'.{rest:04d}'.rstrip('0') if rest else ''} %"
