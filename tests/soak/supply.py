"""Agents and engines killed at random behind faulty connections, and the exchange away for two minutes."""

from collections.abc import Generator, Mapping

from tests.chaos.supply import chaos
from tests.environment import VAR

UNITS = 5
MISFORTUNES = 60
OUTAGE_S, HOLE_S = 120.0, 40.0
FIRST_SEED = 100


class Supply:
    """In each unit everything is started, harmed, checked and stopped."""

    name = "supply side chaos"
    planned = UNITS

    def units(self, done: int) -> Generator[Mapping[str, int]]:
        """Harm under load, and compare what stands with what was answered."""
        for unit in range(done, self.planned):
            yield chaos(
                VAR / "supply",
                seed=FIRST_SEED + unit,
                misfortunes=MISFORTUNES,
                outage_s=OUTAGE_S,
                hole_s=HOLE_S,
            )
