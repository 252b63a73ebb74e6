"""What a provider can deliver, as measured, and what of it is sold and not drawn yet."""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from billing.ledger.chart import Kind
from billing.selectors.balances import balances
from exchange.models import Capacity, Entitlement


@dataclass(frozen=True, slots=True)
class CapacityFacts:
    """A provider's capacity in a class and kind of delivery; `issued_ucu` is sold, neither drawn nor over."""

    compute_class: str
    delivery: str
    rate_ucu_per_s: int
    tier_factor_ppm: int
    issued_ucu: int


def capacity_list(*, organisation_id: uuid.UUID, now: datetime) -> list[CapacityFacts]:
    """Return a provider's capacities, firm and idle of each class (ARCHITECTURE, "Backing")."""
    issued = _issued(organisation_id, now)
    rows = Capacity.objects.filter(organisation_id=organisation_id).order_by("compute_class_id")
    return [
        CapacityFacts(
            row.compute_class_id,
            delivery,
            row.rate_ucu_per_s,
            row.tier_factor_ppm,
            issued[row.compute_class_id, delivery],
        )
        for row in rows
        for delivery in ("spot", "idle")
    ]


def _issued(organisation_id: uuid.UUID, now: datetime) -> dict[tuple[str, str], int]:
    owed = Entitlement.objects.filter(
        provider_id=organisation_id,
        state__in=[Entitlement.State.LIVE, Entitlement.State.LODGED],
        ends_at__gt=now,
    ).select_related("instrument")
    accounts = {entitlement.account(Kind.ISSUE): entitlement.instrument for entitlement in owed}
    found = balances(list(accounts))
    issued: dict[tuple[str, str], int] = defaultdict(int)
    for account, instrument in accounts.items():
        issued[instrument.compute_class_id, instrument.delivery] -= found[account].posted
    return issued
