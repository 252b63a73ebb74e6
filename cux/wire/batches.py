"""Orders in bulk and around orders: batches, previews, the dead-man switch, standing offers.

Units as in `cux.wire.orders`.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cux.wire.fields import Count, Id, Instant, Int64, Positive, QuantityLots
from cux.wire.orders import ClientOrderId, Instrument, NewOrder, OrderView

BATCH_MAX = 200
"""Items in one batch."""
TimeoutSeconds = Annotated[int, Meta(ge=0, le=86_400)]


class BatchNew(NewOrder, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="new"):
    """An order of a batch."""


class BatchCancel(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="cancel"
):
    """A cancellation of a batch; the order is named by one of its ids."""

    order_id: Id | None = None
    client_order_id: ClientOrderId | None = None

    def __post_init__(self) -> None:
        if (self.order_id is None) == (self.client_order_id is None):
            raise ValueError("name the order by `order_id` or by `client_order_id`")


class BatchReplace(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="replace"
):
    """A replacement of a batch."""

    order_id: Id
    price_ticks: Int64
    quantity_lots: QuantityLots


BatchItem = BatchNew | BatchCancel | BatchReplace


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 200 items, decided one after the other in this order; each has its own result."""

    items: Annotated[list[BatchItem], Meta(min_length=1, max_length=BATCH_MAX)]


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item: the status and the body it would have had as a request of its own."""

    status: int
    body: dict[str, Any]


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a batch, in the order of its items."""

    results: list[BatchResult]


class PreviewView(OrderView, frozen=True, kw_only=True):
    """An order as it would stand if it were placed now; nothing is placed, and the id names nothing.

    `cost_nano_usd` and `fee_nano_usd` are of what would trade at once, `worst_case_nano_usd` what would
    have to be available. `refund_nano_usd` is the most that a later refund of what would trade at once can
    be: its shares of escrow and fees. Of compute sold at first that is price and fee; of compute sold on it
    is what the first sale left there, not the price of the resale.
    """

    preview: bool
    cost_nano_usd: Count
    fee_nano_usd: Count
    worst_case_nano_usd: Count
    refund_nano_usd: Count


class CanceledView(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of the orders that were cancelled."""

    canceled: list[Id]


class DeadMan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cancel everything in `timeout_s` unless this is said again; 0 switches it off."""

    timeout_s: TimeoutSeconds


class DeadManView(msgspec.Struct, frozen=True, kw_only=True):
    """The dead-man switch: when all open orders will be cancelled; null while it is off."""

    timeout_s: Count
    expires_at: Instant | None = None


class StandingOffer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Idle capacity that a provider offers into every auction of an instrument, at this price or better."""

    instrument: Instrument
    price_ticks: Int64
    quantity_lots: QuantityLots


class StandingOfferView(msgspec.Struct, frozen=True, kw_only=True):
    """A standing offer as its owner sees it."""

    standing_offer_id: Id
    instrument: Instrument
    price_ticks: Int64
    quantity_lots: Positive
    created_at: Instant
    withdrawn_at: Instant | None = None


class SellEntitlement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compute to sell on: so many lots of an entitlement at a price, perhaps only until `expires_at`.

    It ends five minutes before the compute does at the latest. Until sold or given back it is not drawn.
    """

    price_ticks: Int64
    quantity_lots: QuantityLots
    expires_at: Instant | None = None
