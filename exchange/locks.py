"""The lock of the contract: what happens to one buyer's entitlements happens one after the other.

Reserving, drawing, releasing, expiring and covering touch several entitlements, in orders that the jobs
decide. They take the holder's lock before any row, and then `ledger_post` locks rows in its one order; so
no two of them deadlock, and what they read under the lock stays true. The sequencer only adds
entitlements, and takes no part: it never waits for a settlement, nor a settlement for it.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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


@contextmanager
def debtor_turn(*, organisation_id: uuid.UUID) -> Iterator[bool]:
    """Hold the turn to pull a debtor's money; yield whether it is ours. It never waits.

    A caller's transaction keeps it to its end, since until then nobody sees what was collected in it. Without
    one the session keeps it, so that none is open while the sequencer works.
    """
    name = f"cux.debtor.{organisation_id}"
    in_transaction = connection.in_atomic_block
    with connection.cursor() as cursor:
        if in_transaction:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        else:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        ours = bool(cursor.fetchone()[0])
    try:
        yield ours
    finally:
        if ours and not in_transaction:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
