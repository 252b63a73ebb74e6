"""Exact amounts shown in whole cents that still add up: the method of largest remainders. Pure."""

from collections.abc import Sequence

from core.money import NANO_PER_CENT


def cents_half_even(amount_nano_usd: int) -> int:
    """Return nano-USD in whole cents, half to even."""
    cents, rest = divmod(amount_nano_usd, NANO_PER_CENT)
    return cents + (2 * rest + cents % 2 > NANO_PER_CENT)


def cents_of_lines(amounts_nano_usd: Sequence[int]) -> list[int]:
    """Return each amount in whole cents so that the cents sum to the rounded sum of the amounts.

    Each is floored; the cents then missing go to the largest remainders, of equal ones to the first. So no
    line is off by a cent or more, and the column adds up, however many lines there are.
    """
    total = cents_half_even(sum(amounts_nano_usd))
    floors = [amount // NANO_PER_CENT for amount in amounts_nano_usd]
    by_remainder = sorted(range(len(floors)), key=lambda at: (-(amounts_nano_usd[at] % NANO_PER_CENT), at))
    for at in by_remainder[: total - sum(floors)]:
        floors[at] += 1
    return floors
