"""How money that becomes due is shared out: pure, exact, in nano-USD.

A provider's money is split into earnings and hold-back by trust tier, hold-back = ⌊amount·ppm ÷ 10^6⌋;
an earned fee into income, insurance and the public-access pool, each share rounded down and the rest
income. What is nothing makes no leg.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import Leg
from core.money import PPM, mul_div_floor

_DEFERRED: Final = of_house(Kind.DEFERRED_FEES)


@dataclass(frozen=True, slots=True)
class FeeShares:
    """Which shares of earned fees go to insurance and to the public-access pool, in ppm."""

    insurance_ppm: int
    public_access_ppm: int


def leg(debit: AccountRef, credit: AccountRef, amount: int) -> list[Leg]:
    """Return one leg, or none for nothing."""
    return [Leg(debit, credit, amount)] if amount else []


def held_back(amount: int, hold_back_ppm: int) -> int:
    """Return what of a provider's money is kept for a while."""
    if not 0 <= hold_back_ppm <= PPM:
        raise ValueError(f"Expected 0 to {PPM} ppm, was {hold_back_ppm}")
    return mul_div_floor(amount, hold_back_ppm, PPM)


def provider_legs(source: AccountRef, provider_id: uuid.UUID, amount: int, hold_back_ppm: int) -> list[Leg]:
    """Return the legs that pay a provider `amount` from `source`."""
    kept = held_back(amount, hold_back_ppm)
    return [
        *leg(source, of_organisation(Kind.EARNINGS, provider_id), amount - kept),
        *leg(source, of_organisation(Kind.HOLD_BACK, provider_id), kept),
    ]


def fee_legs(amount: int, shares: FeeShares, source: AccountRef = _DEFERRED) -> list[Leg]:
    """Return the legs by which `amount` of fees is earned: deferred ones, unless another source is given."""
    insurance = mul_div_floor(amount, shares.insurance_ppm, PPM)
    public_access = mul_div_floor(amount, shares.public_access_ppm, PPM)
    income = of_house(Kind.FEE_INCOME)
    return [
        *(leg(source, income, amount - insurance - public_access) if source != income else []),
        *leg(source, of_house(Kind.INSURANCE), insurance),
        *leg(source, of_house(Kind.PUBLIC_ACCESS), public_access),
    ]
