"""An organisation's dead-man switch."""

import uuid

from core.clock import rfc3339
from cux.wire.batches import DeadManView
from exchange.models import DeadMan


def dead_man_get(*, organisation_id: uuid.UUID) -> DeadManView:
    """Return the switch as it was last set; off if it never was or has fired."""
    row = DeadMan.objects.filter(organisation_id=organisation_id).first()
    if row is None or not row.timeout_s:
        return DeadManView(timeout_s=0)
    return DeadManView(timeout_s=row.timeout_s, expires_at=rfc3339(row.expires_at))
