"""What a quoted job would cost on the compute an organisation holds."""

import uuid
from dataclasses import dataclass

from core.money import share_released
from exchange.models import Entitlement
from exchange.selectors.entitlements import entitlement_list


@dataclass(frozen=True, slots=True)
class QuotedCost:
    """The undrawn compute of the class, and what the quote's µCU cost of it, oldest window first.

    None if it is not covered. A job is charged by the provider that it runs on, so this is a guide.
    """

    available_ucu: int
    cost_nano_usd: int | None


def quoted_cost(*, organisation_id: uuid.UUID, compute_class: str, quote_ucu: int) -> QuotedCost:
    """Return the most that a job of `quote_ucu` would take out of escrow and deferred fees."""
    held = [
        view
        for view in entitlement_list(organisation_id=organisation_id, live_only=True)
        if view.compute_class == compute_class
    ]
    rows = {row.id.hex: row for row in Entitlement.objects.filter(holder_id=organisation_id, state="live")}
    left = quote_ucu
    cost = 0
    for view in held:
        row = rows.get(view.entitlement_id.partition("_")[2])
        taken = min(left, view.available_ucu)
        if row is not None and taken:
            paid = row.escrow_nano_usd + row.fee_nano_usd
            cost += share_released(paid, view.used_ucu, view.used_ucu + taken, row.quantity_ucu)
            left -= taken
    return QuotedCost(sum(view.available_ucu for view in held), None if left else cost)
