"""What is known of an API key while it is used."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.networks import Network, is_within
from core.errors import Code, CuxError


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """For whom a key speaks, what it may do, from where and until when (seconds since 1970).

    It may place `order_limit` orders at once and as many again in every `order_window_s` seconds.
    """

    key_id: uuid.UUID
    organisation_id: uuid.UUID
    scopes: frozenset[str]
    order_limit: int
    order_window_s: int
    expires_at: float | None = None
    networks: tuple[Network, ...] = ()
    labels: Mapping[str, str] = field(init=False, compare=False, repr=False)
    """Key and organisation as log lines name them: spelt once, not for each request."""

    def __post_init__(self) -> None:
        """Spell the ids."""
        labels = {"key_id": str(self.key_id), "organisation_id": str(self.organisation_id)}
        object.__setattr__(self, "labels", labels)

    def require(self, *scopes: str) -> None:
        """Refuse unless the key has one of these scopes.

        Raises:
            CuxError: MISSING_SCOPE, naming the scope.
        """
        if self.scopes.isdisjoint(scopes):
            needed = " or ".join(f"`{scope}`" for scope in scopes)
            raise CuxError(Code.MISSING_SCOPE, f"This API key lacks the scope {needed}.", param="scope")

    def require_address(self, address: str) -> None:
        """Refuse unless the key may be used from this address.

        Raises:
            CuxError: ADDRESS_NOT_ALLOWED.
        """
        if self.networks and not is_within(address, self.networks):
            raise CuxError(Code.ADDRESS_NOT_ALLOWED)
