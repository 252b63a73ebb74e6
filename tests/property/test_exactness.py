"""A million random draws of random leases, and statements of them: the drift is 0 nano-dollars.

Every function that splits money is here: drawing, hold-back, fees, expiry, cents of lines, tax. Seeded; set
EXACTNESS_SEED to try others.
"""

import os
import random
from typing import Final

from billing.rules.cents import cents_half_even, cents_of_lines
from billing.rules.tax import tax_amount
from core.money import NANO_PER_CENT, PPM, mul_div_floor, share_released
from exchange.services.entitlement_expire import split_at_expiry
from exchange.services.shares import held_back

SEED: Final = int(os.environ.get("EXACTNESS_SEED", "20261123"))
DRAWS: Final = 1_000_000
PER_LEASE: Final = 50


def test_a_million_draws_drift_by_nothing() -> None:
    rng = random.Random(SEED)
    draws = drift = 0
    while draws < DRAWS:
        quantity = rng.randint(PER_LEASE, 10**12)
        totals = (rng.randint(0, 10**15), rng.randint(0, 10**12))
        hold_back_ppm, available_ppm = rng.randint(0, PPM), rng.randint(0, PPM)
        until = sorted(rng.randrange(quantity + 1) for _ in range(PER_LEASE))
        used, paid, kept, fees = 0, 0, 0, 0
        for reached in until:
            price, fee = (share_released(total, used, reached, quantity) for total in totals)
            bound = sum(-(-total * (reached - used) // quantity) for total in totals)
            assert 0 <= price + fee <= bound  # what a budget reserves is never too little
            part = held_back(price, hold_back_ppm)
            kept += part
            paid += price - part
            fees += fee
            used = reached
        left = [total - mul_div_floor(total, used, quantity) for total in totals]
        provider, earned, buyer = split_at_expiry(
            escrow=left[0], fee=left[1], availability_ppm=available_ppm, delivery="spot"
        )
        drift += abs(sum(totals) - (paid + kept + fees + provider + earned + buyer))
        draws += PER_LEASE
    assert drift == 0


def test_a_hundred_thousand_lines_of_statements_add_up_in_cents() -> None:
    rng = random.Random(SEED)
    for _ in range(1_000):
        lines = [rng.randint(-(10 ** rng.randint(1, 13)), 10 ** rng.randint(1, 13)) for _ in range(100)]
        cents = cents_of_lines(lines)
        assert sum(cents) == cents_half_even(sum(lines))
        assert max(abs(shown * NANO_PER_CENT - line) for shown, line in zip(cents, lines, strict=True)) < (
            NANO_PER_CENT
        )


def test_tax_is_whole_cents_and_off_by_half_of_one_at_most() -> None:
    rng = random.Random(SEED)
    for _ in range(50_000):
        net, rate_ppm = rng.randint(1, 10**8) * NANO_PER_CENT, rng.randint(1, PPM - 1)
        tax = tax_amount(net, rate_ppm)
        assert tax % NANO_PER_CENT == 0
        assert abs(tax * PPM - net * rate_ppm) * 2 <= NANO_PER_CENT * PPM
