"""Which leases a provider should stop at once."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from inference.models import Lease

_TOLD_FOR: Final = timedelta(seconds=60)


def leases_to_stop(*, provider_id: uuid.UUID, now: datetime) -> list[uuid.UUID]:
    """Return the provider's leases of canceled jobs, and those taken from it of late, oldest first."""
    canceled = Q(state__in=Lease.LIVE, job__canceled_at__isnull=False)
    taken = Q(state=Lease.State.EXPIRED, ended_at__gt=now - _TOLD_FOR)
    leases = Lease.objects.filter(canceled | taken, provider_id=provider_id)
    return list(leases.order_by("granted_at", "id").values_list("id", flat=True))
