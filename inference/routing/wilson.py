"""The lower end of Wilson's score interval, in integers: how reliable somebody is who was seen n times.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927). With
z = 1.96 (95 %), k successes in n trials:

    LB = (2k + z² − z·√(z² + 4k(n−k)/n)) ÷ 2(n + z²)
"""

from math import isqrt
from typing import Final

from core.money import PPM

_SCALE: Final = 10_000
_Z2: Final = 38_416
"""z² in 1 ÷ 10,000."""


def wilson_lower_ppm(successes: int, trials: int) -> int:
    """Return ⌊10^6 · LB⌋; 0 for no trials at all. ValueError unless 0 ≤ successes ≤ trials."""
    if not 0 <= successes <= trials:
        raise ValueError(f"Expected 0 to {trials} successes, was {successes}")
    if trials == 0:
        return 0
    spread = _Z2 * (_Z2 * trials + 4 * _SCALE * successes * (trials - successes))
    root = _ceil_sqrt(-(-spread * PPM**2 // trials))
    above = PPM * (2 * _SCALE * successes + _Z2) - root
    return max(0, above // (2 * (_SCALE * trials + _Z2)))


def _ceil_sqrt(number: int) -> int:
    root = isqrt(number)
    return root + (root * root < number)
