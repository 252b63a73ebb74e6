"""Deaths at every moment of the life of some money (`tests/points`)."""

from collections.abc import Generator, Mapping

from tests.points.lives import count, die_and_recover, host


class Moments:
    """A death at each moment, and a recovery."""

    name = "deaths at every moment"

    @property
    def planned(self) -> int:
        """Return how many moments there are."""
        with host() as warmed:
            return len(count(warmed))

    def units(self, done: int) -> Generator[Mapping[str, int]]:
        """Die at the moments one after the other; the whole ledger is verified after every tenth."""
        with host() as warmed:
            for moment in range(done + 1, len(count(warmed)) + 1):
                die_and_recover(warmed, moment)
                if moment % 10 == 0:
                    warmed.verify()
                yield {"deaths": 1, "ledgers_verified": moment % 10 == 0}
