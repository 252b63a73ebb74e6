"""Compute that its holders offer for resale."""

import msgspec

from core.clock import rfc3339
from cux.wire.market import ResaleView
from exchange.models import Entitlement, Order
from exchange.selectors.instruments import instrument_find


def resale_list(*, symbol: str, limit: int = 50) -> list[ResaleView]:
    """Return an instrument's offers of compute to be sold on, cheapest first, then the older.

    Raises CuxError UNKNOWN_INSTRUMENT.
    """
    instrument = instrument_find(symbol)
    orders = Order.objects.filter(
        instrument_id=instrument.id, entitlement_id__isnull=False, status=Order.Status.OPEN
    )
    offers = list(orders.order_by("price_ticks", "priority")[:limit])
    ends = dict(
        Entitlement.objects.filter(id__in=[offer.entitlement_id for offer in offers]).values_list(
            "id", "ends_at"
        )
    )
    return [
        msgspec.convert(
            {
                "price_ticks": offer.price_ticks,
                "quantity_lots": offer.leaves_lots,
                "window_ends_at": rfc3339(ends[offer.entitlement_id]),
            },
            ResaleView,
        )
        for offer in offers
        if offer.entitlement_id in ends
    ]
