"""Card money by where it came from: opened by a deposit, spent, passed on, returned.

Everything runs in the caller's transaction, beside the entry that moves the money. Lots are locked before
balances, always in the order of their ids; what was sold on before comes first (`origins_settle`).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import F

from billing.ledger.card_money import first_in_first_out, parts_of_payment
from billing.ledger.chart import Kind, of_organisation
from billing.ledger.posting import HoldPlacement
from billing.models import CardLot, CardSpend
from billing.services.card_origins import lot_receive, lots_move, origins_settle, unspent
from core.ids import new_id

RISK_HOLD: Final = "card_risk"
"""The kind of the holds on earnings that card money bought; their ref names the deposit."""
_SPEND: Final = """
    INSERT INTO billing_cardspend
        (id, lot_id, provider_id, earned_nano_usd, held_back_nano_usd, matured_nano_usd, taken_nano_usd)
    VALUES (%s, %s, %s, %s, %s, 0, 0)
    ON CONFLICT (lot_id, provider_id) DO UPDATE SET
        earned_nano_usd = billing_cardspend.earned_nano_usd + EXCLUDED.earned_nano_usd,
        held_back_nano_usd = billing_cardspend.held_back_nano_usd + EXCLUDED.held_back_nano_usd
"""


@dataclass(frozen=True, slots=True)
class LotReturn:
    """Money (nano-USD) that comes back from a provider to an organisation, and who had paid it in."""

    payer_ids: tuple[uuid.UUID, ...]
    to_id: uuid.UUID
    amount_nano_usd: int


def deposit_ref(payment_intent_id: str) -> str:
    """Return how holds name the deposit whose money they set aside."""
    return f"deposit:{payment_intent_id}"


def lot_open(
    *,
    organisation_id: uuid.UUID,
    payment_intent_id: str,
    amount_nano_usd: int,
    card_fingerprint: str,
    address_sha256: str,
    now: datetime,
) -> None:
    """This function will note money that came by card, once per payment.

    It is at risk for CARD_RISK_S, for NEW_CARD_RISK_S if the card is new: nobody knows it, or it was first
    seen within that time. What was sold on before this money came does not take of it.
    """
    origins_settle(organisation_ids=[organisation_id])
    new_card = timedelta(seconds=settings.NEW_CARD_RISK_S)
    first = CardLot.objects.filter(card_fingerprint=card_fingerprint).order_by("deposited_at").first()
    is_known = card_fingerprint and first is not None and first.deposited_at <= now - new_card
    at_risk = timedelta(seconds=settings.CARD_RISK_S) if is_known else new_card
    lot = CardLot(
        organisation_id=organisation_id,
        payment_intent_id=payment_intent_id,
        amount_nano_usd=amount_nano_usd,
        card_fingerprint=card_fingerprint,
        address_sha256=address_sha256,
        deposited_at=now,
        at_risk_until=now + at_risk,
    )
    CardLot.objects.bulk_create([lot], ignore_conflicts=True)


def lots_spend(
    *, payer_id: uuid.UUID, provider_id: uuid.UUID, earned: int, held_back: int, now: datetime
) -> list[HoldPlacement]:
    """This function will take what a provider is paid (nano-USD) out of the payer's lots, oldest first.

    Return the holds to place on its earnings, in the posting that pays them: what card money bought is set
    aside until it is no longer at risk. What was held back gets its hold when it matures.
    """
    origins_settle(organisation_ids=[payer_id])
    lots = unspent([payer_id])
    parts = parts_of_payment([lot.remaining_nano_usd for lot in lots], earned=earned, held_back=held_back)
    paid = [(lot, part) for lot, part in zip(lots, parts, strict=True) if part.total]
    for lot, part in paid:
        CardLot.objects.filter(id=lot.id).update(spent_nano_usd=F("spent_nano_usd") + part.total)
    if paid:
        rows = [(new_id(), lot.id, provider_id, part.earned, part.held_back) for lot, part in paid]
        with connection.cursor() as cursor:
            cursor.executemany(_SPEND, rows)
    return [
        risk_hold(lot, provider_id, part.earned)
        for lot, part in paid
        if part.earned and lot.at_risk_until > now
    ]


def risk_hold(lot: CardLot, provider_id: uuid.UUID, amount: int) -> HoldPlacement:
    """Return a new hold of `amount` on a provider's earnings while the lot's payment is at risk."""
    earnings = of_organisation(Kind.EARNINGS, provider_id)
    return HoldPlacement(
        new_id(), earnings, amount, RISK_HOLD, deposit_ref(lot.payment_intent_id), lot.at_risk_until
    )


def lots_pass_on(*, from_id: uuid.UUID, to_id: uuid.UUID, amount_nano_usd: int) -> None:
    """This function will have card money's origin follow `amount_nano_usd` to another organisation.

    As when expiry gives money to somebody else than paid it: the lots go along, oldest first.
    """
    origins_settle(organisation_ids=[from_id, to_id])
    lots_move(from_id=from_id, to_id=to_id, amount_nano_usd=amount_nano_usd)


def lots_come_back(*, provider_id: uuid.UUID, returns: Sequence[LotReturn]) -> None:
    """This function will have money that comes back from a provider be card money as far as it was.

    Of the newest payments first, being at risk longest, and no more of one than its lots had spent there.
    The lots grow by it; what was spent of them stays noted, and so do the holds on what it bought.
    """
    payers = {payer for each in returns for payer in each.payer_ids}
    origins_settle(organisation_ids=payers | {each.to_id for each in returns})
    spent = CardSpend.objects.filter(provider_id=provider_id, lot__organisation_id__in=payers)
    locked = CardLot.objects.filter(id__in=spent.values("lot_id")).order_by("id")
    lots = {lot.id: lot for lot in locked.select_for_update(no_key=True)}
    paid = {row.lot_id: row.earned_nano_usd + row.held_back_nano_usd for row in spent.order_by("id")}
    newest = sorted(lots.values(), key=lambda lot: (lot.deposited_at, lot.id), reverse=True)
    for each in returns:
        own = [lot for lot in newest if lot.organisation_id in each.payer_ids]
        parts = first_in_first_out([paid[lot.id] for lot in own], each.amount_nano_usd)
        for lot, part in zip(own, parts, strict=True):
            if part:
                paid[lot.id] -= part
                lot_receive(lot, each.to_id, part)


def lot_return(*, organisation_id: uuid.UUID, payment_intent_id: str, amount_nano_usd: int) -> int:
    """This function will note that money of a payment went back to the card; return what its lot had of it.

    More than is left of the lot was spent meanwhile: then its money is with the providers.
    """
    origins_settle(organisation_ids=[organisation_id])
    lots = CardLot.objects.filter(organisation_id=organisation_id, payment_intent_id=payment_intent_id)
    lot = lots.select_for_update(no_key=True).first()
    part = min(lot.remaining_nano_usd, amount_nano_usd) if lot is not None else 0
    if part:
        lots.update(returned_nano_usd=F("returned_nano_usd") + part)
    return part


def lots_at_risk_until(*, payment_intent_id: str, until: datetime) -> None:
    """This function will have all that is left of a disputed payment, whoever has it, stay at risk.

    So what it still buys is set aside with the provider, also if the payment's own time is over.
    """
    lots = CardLot.objects.filter(payment_intent_id=payment_intent_id, at_risk_until__lt=until)
    lots.order_by("id").update(at_risk_until=until)


def lot_restore(*, organisation_id: uuid.UUID, payment_intent_id: str, amount_nano_usd: int) -> None:
    """This function will undo a `lot_return`: the money came back, as after a dispute that was won.

    What was sold on while it was away does not take of it.
    """
    origins_settle(organisation_ids=[organisation_id])
    lots = CardLot.objects.filter(organisation_id=organisation_id, payment_intent_id=payment_intent_id)
    lots.update(returned_nano_usd=F("returned_nano_usd") - amount_nano_usd)
