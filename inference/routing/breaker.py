"""A provider's circuit breaker: after faults in a row it rests, then one job tries whether it is back."""

from dataclasses import dataclass
from typing import Final

from inference.routing.candidate import Circuit

FAULTS: Final = 2
"""So many faults in a row, nothing delivered between them, open the circuit."""
REST_S: Final = 30


@dataclass(frozen=True, slots=True)
class Breaker:
    """How often a provider failed in a row, how many seconds ago last, and whether a job tries it now."""

    faults: int
    since_fault_s: int
    has_canary: bool

    @property
    def circuit(self) -> Circuit:
        """Return whether jobs go there. While the one that tries it runs, no other does."""
        if self.faults < FAULTS:
            return Circuit.CLOSED
        if self.since_fault_s < REST_S or self.has_canary:
            return Circuit.OPEN
        return Circuit.HALF_OPEN
