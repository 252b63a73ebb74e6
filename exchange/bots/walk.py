"""A price that wanders: a random walk from a seed, the same whoever computes it and after any restart."""

import hashlib
from typing import Final

RANGE_PPM: Final = 100_000
"""How far from the reference the walk goes at most."""
STEP_PPM: Final = 2_000
"""One step, up or down; at least one tick."""
STEPS_PER_DAY: Final = 17_280
STEP_S: Final = 86_400 // STEPS_PER_DAY


def walk_ticks(*, seed: str, reference_ticks: int, epoch_s: int) -> int:
    """Return the price at a moment: as many steps from the reference as the UTC day has had so far.

    Whether a step goes up or down is a bit of SHAKE-256 over seed and day; a step that would leave the range
    goes the other way.
    """
    day, second = divmod(epoch_s, 86_400)
    steps = second // STEP_S
    random = hashlib.shake_256(f"{seed}:{day}".encode()).digest(-(-STEPS_PER_DAY // 8))
    step = max(1, reference_ticks * STEP_PPM // 1_000_000)
    reach = max(step, reference_ticks * RANGE_PPM // 1_000_000)
    offset = 0
    for place in range(steps):
        change = step if random[place >> 3] >> (place & 7) & 1 else -step
        offset += change if abs(offset + change) <= reach else -change
    return reference_ticks + offset
