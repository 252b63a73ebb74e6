"""The compute an organisation holds."""

import uuid

import msgspec
from django.db.models import F

from billing.ledger.chart import Kind, of_entitlement
from billing.selectors.balances import balances, debited
from core.clock import rfc3339
from core.ids import public_id
from cux.wire.orders import EntitlementView
from exchange.models import Entitlement


def entitlement_list(
    *, organisation_id: uuid.UUID, live_only: bool = False, limit: int = 200
) -> list[EntitlementView]:
    """Return entitlements with what is used, reserved and left, in µCU: live ones, first to expire first,
    then those that have ended, the last one first.

    Used is what jobs drew. What a provider did not deliver, or what was left at the end, went back: it is
    neither used nor available.
    """
    rows = Entitlement.objects.filter(holder_id=organisation_id)
    if live_only:
        rows = rows.filter(state=Entitlement.State.LIVE)
    order = F("closed_at").desc(nulls_first=True), "ends_at", "id"
    found = list(rows.select_related("instrument").order_by(*order)[:limit])
    compute = {
        row.id: of_entitlement(Kind.ENTITLEMENT, row.id, row.instrument.compute_class_id) for row in found
    }
    escrow = {row.id: of_entitlement(Kind.ESCROW, row.id, row.instrument.compute_class_id) for row in found}
    ledger = balances([*compute.values(), *escrow.values()])
    used = debited(list(compute.values()), entry_kind="settle")
    views = []
    for row in found:
        left = ledger[compute[row.id]]
        views.append(
            msgspec.convert(
                {
                    "entitlement_id": public_id("entitlement", row.id),
                    "compute_class": row.instrument.compute_class_id,
                    "provider_id": public_id("organisation", row.provider_id),
                    "delivery": row.instrument.delivery,
                    "quantity_ucu": row.quantity_ucu,
                    "used_ucu": used[compute[row.id]],
                    "reserved_ucu": left.held,
                    "available_ucu": left.available,
                    "escrow_nano_usd": ledger[escrow[row.id]].posted,
                    "starts_at": rfc3339(row.starts_at),
                    "expires_at": rfc3339(row.ends_at),
                    "status": row.state,
                    "origin_id": row.origin_id and public_id("entitlement", row.origin_id),
                },
                EntitlementView,
            )
        )
    return views
