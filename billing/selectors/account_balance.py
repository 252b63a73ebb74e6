"""What an account has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What an account has, in its asset's unit."""

    posted: int
    held: int

    @property
    def available(self) -> int:
        """Return what can be spent."""
        return self.posted - self.held
