"""Sell compute on: split it off, and have the sequencer offer it."""

from datetime import datetime

from django.db.models import Exists, OuterRef

from core.errors import Code, CuxError
from exchange.models import Entitlement, Order
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Lodge, Verdict
from exchange.services.entitlement_lodge import Offer, entitlement_lodge


def entitlement_sell(*, offer: Offer, now: datetime) -> Verdict:
    """This function will offer lots of an entitlement for resale, once per key; the verdict is the order.

    Until it is sold, cancelled or expired nobody draws what is offered; what is not sold comes back as an
    entitlement of its own.

    Raises:
        CuxError: as `entitlement_lodge`; SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY (retry under the same key).
    """
    entitlement_lodge(offer=offer, now=now)
    return entitlement_offer(offer=offer)


def entitlement_offer(*, offer: Offer) -> Verdict:
    """This function will have what was split off offered; if that is refused, its holder has it back.

    It may run any number of times: the sequencer's answer is the same each time.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY; DEPENDENCY_UNAVAILABLE if it could not decide.
    """
    part = Entitlement.objects.select_related("instrument").get(id=offer.part_id)
    verdict = submit_sync(
        Lodge(
            organisation_id=offer.organisation_id,
            entitlement_id=part.id,
            instrument=part.instrument.symbol,
            price_ticks=offer.price_ticks,
            quantity_lots=offer.quantity_lots,
            expires_at=offer.expires_at,
            key=f"sell {offer.key}",
        )
    )
    if verdict.status >= Code.INTERNAL.spec.status:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, "The sequencer could not decide.")
    error = verdict.body.get("error")
    if error and error["code"] != Code.IDEMPOTENCY_KEY_REUSED.wire:
        _give_back(part)
    return verdict


def _give_back(part: Entitlement) -> None:
    """Make a part live again that no offer has: the sequencer never took it."""
    offered = Order.objects.filter(entitlement_id=OuterRef("id"), status=Order.Status.OPEN)
    lodged = Entitlement.objects.filter(~Exists(offered), id=part.id, state=Entitlement.State.LODGED)
    lodged.update(state=Entitlement.State.LIVE)
