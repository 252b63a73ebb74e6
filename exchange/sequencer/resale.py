"""Entitlements offered for resale: what is given to the sequencer, and what a sale takes out. Pure."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.money import share_released

SOLD_UNTIL: Final = timedelta(minutes=5)
"""How long before its end compute can be sold on at the latest."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a resale takes out of a lodged entitlement: issuer and window stay, the exact shares go along."""

    entitlement_id: uuid.UUID
    provider_id: uuid.UUID
    ends_at: datetime
    escrow_nano_usd: int
    fees_nano_usd: int


@dataclass(slots=True)
class Lodged:
    """An entitlement in the sequencer's hands: Q, N and F as its row has them, and what was used of Q."""

    id: uuid.UUID
    instrument_id: uuid.UUID
    holder_id: uuid.UUID
    provider_id: uuid.UUID
    quantity_ucu: int
    escrow_nano_usd: int
    fee_nano_usd: int
    ends_at: datetime
    used_ucu: int

    @property
    def left_ucu(self) -> int:
        """Return what is not sold yet."""
        return self.quantity_ucu - self.used_ucu

    def take(self, amount_ucu: int) -> Source:
        """Sell a part: ⌊N·u₂/Q⌋ − ⌊N·u₁/Q⌋ of the escrow goes with it, and of the fee alike.

        The same rule as drawing (ARCHITECTURE, "Drawing"), so that what is sold and what comes back sum to
        N and F. Raises ValueError if more is taken than is left.
        """
        span = (self.used_ucu, self.used_ucu + amount_ucu, self.quantity_ucu)
        escrow, fees = (share_released(total, *span) for total in (self.escrow_nano_usd, self.fee_nano_usd))
        self.used_ucu += amount_ucu
        return Source(self.id, self.provider_id, self.ends_at, escrow, fees)
