"""What every part of the soak is."""

from collections.abc import Generator, Mapping
from typing import Protocol


class Part(Protocol):
    """A long test in units, each checked by itself; it can be stopped after any of them."""

    name: str

    @property
    def planned(self) -> int:
        """Return how many units there are. PostgreSQL runs."""

    def units(self, done: int) -> Generator[Mapping[str, int]]:
        """Check one unit after the other, beginning behind the first `done`; yield the figures of each.

        PostgreSQL runs. A unit that is not as it should be raises. The generator is closed when the time is
        over: what it started it ends then.
        """
