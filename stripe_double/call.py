"""One request to the API, and the table of what can be requested."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stripe_double.params import Shape
from stripe_double.world import Json, World


@dataclass
class Call:
    """A request whose parameters are checked."""

    world: World
    params: dict[str, Any]
    path: dict[str, str]
    # The connected account that the `Stripe-Account` header names, or "".
    account: str
    # Where people reach the double's pages.
    base_url: str

    @property
    def id(self) -> str:
        """Return the id in the path."""
        return self.path["id"]


@dataclass(frozen=True)
class Operation:
    """One method of one path: what it takes and what it does."""

    method: str
    path: str
    act: Callable[[Call], Json]
    shape: Shape

    @property
    def name(self) -> str:
        """Return the operation in the words of Stripe's reference."""
        return f"{self.method} {self.path}"
