"""Who could run a job, and what is known of them."""

import enum
from dataclasses import dataclass


class Circuit(enum.StrEnum):
    """Whether jobs go to a provider: yes, no, or one to see whether it is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A provider that owes the caller enough compute for a job.

    `key` tells it from all others, and `names` are its ids, by which a caller may name it too. It owes at
    `price_nano_usd_per_cu`: of an entitlement, what was paid for it. `is_ready` says whether it serves the
    job's model now, `has_failed` whether it let this very job down before. `delivered` and `failed` count
    leases of the last days, platform faults left out. `first_token_ms` is the median from grant to first
    token (None: not known yet), `prefix_ppm` the share of the prompt that it answered for lately and that is
    not charged again.
    """

    key: str
    name: str
    names: frozenset[str] = frozenset()
    price_nano_usd_per_cu: int
    delivered: int = 0
    failed: int = 0
    first_token_ms: int | None = None
    rate_ucu_per_s: int = 0
    running: int = 0
    slots: int = 1
    prefix_ppm: int = 0
    circuit: Circuit = Circuit.CLOSED
    is_ready: bool = True
    has_failed: bool = False

    @property
    def free_slots(self) -> int:
        """Return how many more jobs it runs at once."""
        return max(0, self.slots - self.running)

    def is_named(self, name: str) -> bool:
        """Tell whether a caller means this provider by `name`: its name, or one of its ids."""
        return name == self.name or name in self.names
