"""What handlers of events take and return; `event_process` says how they are used."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an event is about: an object of Stripe's, of a connected account if `account` is not empty."""

    object_id: str
    account: str
    event_type: str


Apply = Callable[[datetime], None]
"""Applies what was read, in the transaction that marks the event; `now` is passed in."""
Handler = Callable[[Occasion], Apply | None]
"""Reads the object from Stripe and returns how to apply it; None: it is nothing of ours."""
