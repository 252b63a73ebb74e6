"""What is posted: entries of transfers, and steps of holds. Pure values, checked when built."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from billing.ledger.chart import AccountRef
from core.money import BIGINT_MAX


@dataclass(frozen=True, slots=True)
class Leg:
    """`amount` (> 0, nano-USD or µCU by the asset) leaves `debit` and reaches `credit`."""

    debit: AccountRef
    credit: AccountRef
    amount: int

    def __post_init__(self) -> None:
        """Refuse what could not be a transfer."""
        if not 0 < self.amount <= BIGINT_MAX:
            raise ValueError(f"Expected an amount in 1..2^63-1, was {self.amount}")
        if self.debit.asset != self.credit.asset:
            raise ValueError(f"Expected one asset, was {self.debit.asset} to {self.credit.asset}")
        if self.debit == self.credit:
            raise ValueError("Expected two accounts, was one")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One thing that happened, under its idempotency key: posted once, whatever is retried.

    `key` names the business event (`settle:<job id>`), `ref` what it is about, `event_at` when it
    happened; the ledger adds when it was booked.
    """

    key: str
    kind: str
    legs: tuple[Leg, ...]
    event_at: datetime
    ref: str = ""

    def __post_init__(self) -> None:
        """Refuse an entry without legs or key."""
        if not self.legs or not self.key:
            raise ValueError("Expected a key and at least one leg")

    @property
    def body_sha256(self) -> bytes:
        """Return the digest that tells a retry (same body) from a conflict (another body)."""
        legs = [[str(leg.debit.id), str(leg.credit.id), leg.debit.asset, leg.amount] for leg in self.legs]
        return hashlib.sha256(json.dumps([self.kind, self.ref, legs]).encode()).digest()


@dataclass(frozen=True, slots=True)
class HoldPlacement:
    """Set `amount` aside on an account with a limit, until it is captured, released or expires."""

    hold_id: uuid.UUID
    account: AccountRef
    amount: int
    kind: str
    ref: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HoldStep:
    """Resolve a part of a hold: `capture` leaves with an entry's legs, `release` becomes available."""

    hold_id: uuid.UUID
    capture: int = 0
    release: int = 0
