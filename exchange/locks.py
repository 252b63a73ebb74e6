"""The lock of the contract: what happens to one buyer's entitlements happens one after the other.

Reserving, drawing, releasing, expiring and covering touch several entitlements, in orders that the jobs
decide. They take the holder's lock before any row, and then `ledger_post` locks rows in its one order; so
no two of them deadlock, and what they read under the lock stays true. The sequencer only adds
entitlements, and takes no part: it never waits for a settlement, nor a settlement for it.
"""

import uuid
from collections.abc import Sequence

from django.db import connection

from exchange.models import Entitlement


def holder_lock(*, holder_id: uuid.UUID) -> None:
    """Wait for the holder's lock; the caller's transaction keeps it to its end."""
    with connection.cursor() as cursor:
        name = f"cux.holder.{holder_id}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def entitlements_lock(*, entitlement_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Entitlement]:
    """Wait for the locks of the entitlements' holders and return the entitlements as they then are."""
    wanted = Entitlement.objects.filter(id__in=entitlement_ids)
    for holder_id in wanted.order_by("holder_id").values_list("holder_id", flat=True).distinct():
        holder_lock(holder_id=holder_id)
    return {row.id: row for row in wanted.select_related("instrument")}


def debtor_turn(*, organisation_id: uuid.UUID) -> bool:
    """Take the turn to pull a debtor's money, for the caller's transaction; tell whether it is ours.

    It never waits: who has it does what is to be done.
    """
    with connection.cursor() as cursor:
        name = f"cux.debtor.{organisation_id}"
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])
