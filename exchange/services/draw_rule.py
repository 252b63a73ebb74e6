"""Which entitlements a job is reserved on: the pure part of reserving.

First to expire is drawn first. One job at a time is always allowed; more at once only while their
reservations together stay ≤ ⌊4·Q·300 s ÷ window⌋ µCU, Q being the buyer's live entitlements on that
provider (ARCHITECTURE, "Draw rule"): nobody can call a day's compute in a minute.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

BURST: Final = 4
BURST_S: Final = 300


@dataclass(frozen=True, slots=True)
class Drawable:
    """A live entitlement: its size less what was split off, window, undrawn and reserved compute, in µCU.

    `price_nano_usd_per_cu` is what was paid for it, fee included. One whose window has ended counts only
    with what jobs that still run have reserved on it.
    """

    entitlement_id: uuid.UUID
    provider_id: uuid.UUID
    quantity_ucu: int
    window_s: int
    undrawn_ucu: int
    reserved_ucu: int
    has_ended: bool = False
    price_nano_usd_per_cu: int = 0

    @property
    def free_ucu(self) -> int:
        """Return what can still be reserved."""
        return 0 if self.has_ended else self.undrawn_ucu - self.reserved_ucu


def burst_limit_ucu(drawables: Sequence[Drawable]) -> int:
    """Return what jobs may have reserved together: ⌊4·Q·300 s ÷ window⌋, summed before rounding."""
    live = (d for d in drawables if not d.has_ended)
    return int(sum(Fraction(BURST * BURST_S * d.quantity_ucu, d.window_s) for d in live))


def is_within_draw_rule(drawables: Sequence[Drawable], compute_ucu: int, *, spare: bool = False) -> bool:
    """Tell whether one more job of this size may be reserved on one provider's entitlements.

    One that is to `spare` the others stops at half of the limit.
    """
    reserved = sum(d.reserved_ucu for d in drawables)
    limit = burst_limit_ucu(drawables)
    return reserved == 0 or reserved + compute_ucu <= (limit // 2 if spare else limit)


def by_price(drawables: Sequence[Drawable]) -> list[Drawable]:
    """Return them cheapest first, among equals in the order given: what a patient job draws.

    Spread over them in this order a job costs no more than in any other.
    """
    return sorted(drawables, key=lambda each: each.price_nano_usd_per_cu)


def allocate(drawables: Sequence[Drawable], compute_ucu: int) -> list[tuple[uuid.UUID, int]] | None:
    """Spread a job over one provider's entitlements, in the order given (first-to-expire first).

    Returns (entitlement, µCU) pairs that sum to `compute_ucu`, or None if they do not hold enough.
    """
    parts: list[tuple[uuid.UUID, int]] = []
    missing = compute_ucu
    for drawable in drawables:
        amount = min(drawable.free_ucu, missing)
        if amount > 0:
            parts.append((drawable.entitlement_id, amount))
            missing -= amount
    return None if missing else parts


def price_of(drawables: Sequence[Drawable], parts: Sequence[tuple[uuid.UUID, int]]) -> int:
    """Return what was paid per CU (nano-USD, rounded down) for the parts of a job together."""
    paid = {drawable.entitlement_id: drawable.price_nano_usd_per_cu for drawable in drawables}
    return sum(paid[entitlement] * amount for entitlement, amount in parts) // sum(a for _, a in parts)
