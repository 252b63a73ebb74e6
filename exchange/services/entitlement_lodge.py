"""Split compute off an entitlement and give it to the sequencer, to be sold on."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from billing.ledger.chart import Kind
from billing.ledger.posting import JournalEntry, Leg
from billing.selectors.balances import balances
from billing.services.ledger_post import ledger_post
from core.errors import Code, CuxError
from core.outbox import outbox_add
from exchange.locks import holder_lock
from exchange.models import Entitlement
from exchange.sequencer.resale import SOLD_UNTIL
from exchange.services.shares import leg

_NAMESPACE: Final = uuid.UUID("5f1c8c0e-7a34-5d0b-8d0f-2a1d6f5b3c77")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a holder asks for: `quantity_lots` of an entitlement at a price, perhaps until `expires_at`."""

    organisation_id: uuid.UUID
    entitlement_id: uuid.UUID
    price_ticks: int
    quantity_lots: int
    expires_at: int | None
    key: str

    @property
    def part_id(self) -> uuid.UUID:
        """Return the id of what is split off: one for each key, so that a retry finds it."""
        return uuid.uuid5(_NAMESPACE, f"{self.organisation_id}|{self.key}")


@transaction.atomic(durable=True)
def entitlement_lodge(*, offer: Offer, now: datetime) -> Entitlement:
    """This function will split the offered lots off as an entitlement of their own, in state `lodged`.

    The part keeps issuer and window. Of the origin's escrow and fee it gets what drawing as much would
    release (ARCHITECTURE, "Drawing"), so that all sums stay exact. The outbox has the rest done
    (`entitlement_offer`) should the caller not come to it. A retry under the same key returns the same part.

    Raises:
        CuxError: NOT_FOUND, not the holder's; ENTITLEMENT_NOT_SELLABLE, not live, within five minutes of its
            end, or less is undrawn and unreserved; IDEMPOTENCY_KEY_REUSED, the key made another part.
    """
    holder_lock(holder_id=offer.organisation_id)
    made = Entitlement.objects.filter(id=offer.part_id).select_related("instrument").first()
    if made is not None:
        lots, rest = divmod(made.quantity_ucu, made.instrument.lot_ucu)
        if (made.origin_id, lots, rest) != (offer.entitlement_id, offer.quantity_lots, 0):
            raise CuxError(Code.IDEMPOTENCY_KEY_REUSED)
        return made
    mine = Entitlement.objects.filter(id=offer.entitlement_id, holder_id=offer.organisation_id)
    origin = mine.select_related("instrument").first()
    if origin is None:
        raise CuxError(Code.NOT_FOUND, "There is no such entitlement of this account.")
    part = _split(origin, offer, now)
    payload = {
        "organisation_id": str(offer.organisation_id),
        "entitlement_id": str(offer.entitlement_id),
        "price_ticks": offer.price_ticks,
        "quantity_lots": offer.quantity_lots,
        "expires_at": offer.expires_at,
        "key": offer.key,
    }
    outbox_add(topic="entitlement.offer", payload=payload)
    return part


def split_legs(origin: Entitlement, part: Entitlement) -> list[Leg]:
    """Return the legs of a split: escrow, compute and debt move; the fee share waits where it is."""
    return [
        *leg(origin.account(Kind.ESCROW), part.account(Kind.ESCROW), part.escrow_nano_usd),
        *leg(origin.account(Kind.ENTITLEMENT), part.account(Kind.ENTITLEMENT), part.quantity_ucu),
        *leg(part.account(Kind.ISSUE), origin.account(Kind.ISSUE), part.quantity_ucu),
    ]


def _split(origin: Entitlement, offer: Offer, now: datetime) -> Entitlement:
    amount_ucu = offer.quantity_lots * origin.instrument.lot_ucu
    balance = balances([origin.account(Kind.ENTITLEMENT)])[origin.account(Kind.ENTITLEMENT)]
    if (
        origin.state != Entitlement.State.LIVE
        or origin.ends_at - SOLD_UNTIL <= now
        or not 0 < amount_ucu <= balance.available
    ):
        raise CuxError(Code.ENTITLEMENT_NOT_SELLABLE)
    escrow, fee = origin.released(undrawn_ucu=balance.posted, amount_ucu=amount_ucu)
    part = Entitlement(
        id=offer.part_id,
        origin=origin,
        trade_id=origin.trade_id,
        instrument=origin.instrument,
        holder_id=origin.holder_id,
        provider_id=origin.provider_id,
        quantity_ucu=amount_ucu,
        escrow_nano_usd=escrow,
        fee_nano_usd=fee,
        starts_at=origin.starts_at,
        ends_at=origin.ends_at,
        state=Entitlement.State.LODGED,
    )
    part.save(force_insert=True)
    legs = tuple(split_legs(origin, part))
    entry = JournalEntry(f"split:{part.id}", "split", legs, now, ref=f"entitlement:{origin.id}")
    ledger_post(entries=[entry], issue_floors={part.account(Kind.ISSUE): -amount_ucu}, now=now)
    return part
