"""Which card money is spent first, and which of it a provider got at once. Pure, in nano-USD."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def first_in_first_out(available: Iterable[int], wanted: int) -> list[int]:
    """Return what each of the amounts, oldest first, gives towards `wanted`; together no more than it."""
    taken = []
    for amount in available:
        part = min(amount, wanted)
        taken.append(part)
        wanted -= part
    return taken


@dataclass(frozen=True, slots=True)
class Part:
    """What one lot paid: `earned` reached a provider's earnings, `held_back` its hold-back."""

    earned: int
    held_back: int

    @property
    def total(self) -> int:
        """Return what the lot paid in all."""
        return self.earned + self.held_back


def parts_of_payment(remaining: Sequence[int], *, earned: int, held_back: int) -> list[Part]:
    """Return what each lot, oldest first, pays of a provider's money.

    Card money counts as paid before any other, and into earnings before hold-back: what could leave first
    is what must be watched.
    """
    of_earned = first_in_first_out(remaining, earned)
    left = [lot - part for lot, part in zip(remaining, of_earned, strict=True)]
    of_held_back = first_in_first_out(left, held_back)
    return [Part(*part) for part in zip(of_earned, of_held_back, strict=True)]
