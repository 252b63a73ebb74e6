"""Give a job's reservations back."""

from collections.abc import Sequence
from datetime import datetime

from billing.ledger.posting import HoldStep
from billing.services.ledger_post import ledger_post
from exchange.locks import entitlements_lock
from exchange.services.entitlement_reserve import Part


def entitlement_release(*, parts: Sequence[Part], now: datetime) -> None:
    """This function will release all of each part's hold, in the caller's transaction.

    Raises:
        CuxError: HOLD_NOT_COVERING, a part was drawn, released or covered before.
    """
    entitlements_lock(entitlement_ids=[part.entitlement_id for part in parts])
    ledger_post(steps=[HoldStep(part.hold_id, release=part.amount_ucu) for part in parts], now=now)
