"""Who offers how much at which price: what a buyer for one job chooses from."""

import uuid
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from exchange.models import Instrument, Order


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider's resting order to sell of its own capacity; hidden lots count."""

    provider_id: uuid.UUID
    price_ticks: int
    lots: int


def spot_instrument(*, compute_class: str) -> Instrument | None:
    """Return the instrument on which compute of the class is traded at once; None while there is none."""
    rows = Instrument.objects.filter(
        compute_class_id=compute_class,
        delivery=Instrument.Delivery.SPOT,
        phase=Instrument.Phase.CONTINUOUS,
    )
    return rows.order_by("symbol").first()


def offers_open(*, instrument: Instrument) -> list[Offer]:
    """Return what providers offer, best price first and then by time; not what others sell on."""
    rows = Order.objects.filter(
        instrument=instrument, status=Order.Status.OPEN, side="sell", entitlement_id__isnull=True
    )
    fields = rows.order_by("limit_ticks", "priority").values_list(
        "organisation_id", "limit_ticks", "leaves_lots"
    )
    return [Offer(*row) for row in fields]


def classes_on_offer() -> set[str]:
    """Return the compute classes of which somebody sells something at once, compute sold on included."""
    sold = Order.objects.filter(instrument=OuterRef("id"), status=Order.Status.OPEN, side="sell")
    rows = Instrument.objects.filter(
        Exists(sold), delivery=Instrument.Delivery.SPOT, phase=Instrument.Phase.CONTINUOUS
    )
    return set(rows.values_list("compute_class_id", flat=True))
