"""Trust tiers (pure): what a provider's standing means for its hold-back, and how often it is audited.

The shares follow from p·d·(S + g) > g (docs/threat-model.md): with audits of a share p that find a cheat with
probability d, and a stake S lost with all that was gained, a gain g does not pay.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Tier:
    """A standing: how much of the earnings is kept for a while, and how many of the jobs are audited."""

    name: str
    hold_back_ppm: int
    audit_ppm: int
    meaning: str


TIERS: Final = {
    tier.name: tier
    for tier in (
        Tier("L0", 1_000_000, 1_000_000, "on trial: every job audited, everything held back"),
        Tier("L1", 500_000, 100_000, "new"),
        Tier("L2", 200_000, 30_000, "proven: audits passed, and earnings that have aged"),
        Tier("L3", 100_000, 10_000, "proven for long, under a contract"),
        Tier("L4", 50_000, 10_000, "runs in attested confidential hardware"),
    )
}


def tier_of(name: str) -> Tier:
    """Return the tier; of a name unknown, the strictest."""
    return TIERS.get(name, TIERS["L0"])
