"""Card money's origin follows the price of compute sold on, before anybody looks at it.

The sequencer moves the price from wallet to wallet and notes in the same transaction that the lots are to
follow (`CardPassing`). It takes no part in the lots: settlements lock them, and it must not wait for those.
So whoever spends or returns card money has them follow first.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from django.db import connection
from django.db.models import F

from billing.ledger.card_money import first_in_first_out
from billing.models import CardLot, CardPassing
from core.ids import new_id

_RECEIVE: Final = """
    INSERT INTO billing_cardlot
        (id, organisation_id, payment_intent_id, amount_nano_usd, spent_nano_usd, passed_on_nano_usd,
         returned_nano_usd, card_fingerprint, address_sha256, deposited_at, at_risk_until)
    VALUES (%s, %s, %s, %s, 0, 0, 0, %s, %s, %s, %s)
    ON CONFLICT (payment_intent_id, organisation_id) DO UPDATE SET
        amount_nano_usd = billing_cardlot.amount_nano_usd + EXCLUDED.amount_nano_usd
"""


def origins_settle(*, organisation_ids: Iterable[uuid.UUID]) -> None:
    """This function will have the lots follow all that these organisations paid or got for compute sold on.

    And what those had before from whom they dealt with, in the order of the trades. Rows are locked in that
    order, before any lot: where another moves them now, this waits, and sees what became of them. Runs in the
    caller's transaction; call it before the lots are read.
    """
    waiting = CardPassing.objects.order_by("id")
    ids = concerning(organisation_ids, list(waiting.values_list("id", "payer_id", "receiver_id")))
    if not ids:
        return
    passings = list(waiting.filter(id__in=ids).select_for_update())
    for passing in passings:
        lots_move(
            from_id=passing.payer_id, to_id=passing.receiver_id, amount_nano_usd=passing.amount_nano_usd
        )
    CardPassing.objects.filter(id__in=[passing.id for passing in passings]).delete()


def concerning(
    organisation_ids: Iterable[uuid.UUID], passings: Sequence[tuple[int, uuid.UUID, uuid.UUID]]
) -> list[int]:
    """Return the ids of those on which these organisations' lots depend; given oldest first, as (id, payer,
    receiver).
    """
    reached = set(organisation_ids)
    found = []
    for id, payer_id, receiver_id in reversed(passings):
        if payer_id in reached or receiver_id in reached:
            reached |= {payer_id, receiver_id}
            found.append(id)
    return found


def lots_move(*, from_id: uuid.UUID, to_id: uuid.UUID, amount_nano_usd: int) -> None:
    """This function will move lots of `amount_nano_usd`, or as much as there is, to another organisation.

    The oldest first.
    """
    if from_id == to_id:
        return
    lots = [lot for lot in unspent([from_id, to_id]) if lot.organisation_id == from_id]
    parts = first_in_first_out([lot.remaining_nano_usd for lot in lots], amount_nano_usd)
    for lot, part in zip(lots, parts, strict=True):
        if part:
            CardLot.objects.filter(id=lot.id).update(passed_on_nano_usd=F("passed_on_nano_usd") + part)
            lot_receive(lot, to_id, part)


def unspent(organisation_ids: Sequence[uuid.UUID]) -> list[CardLot]:
    """Return the lots of these organisations with something left, locked, oldest first."""
    left = F("spent_nano_usd") + F("passed_on_nano_usd") + F("returned_nano_usd")
    lots = CardLot.objects.filter(organisation_id__in=organisation_ids, amount_nano_usd__gt=left)
    locked = lots.order_by("id").select_for_update(no_key=True)
    return sorted(locked, key=lambda lot: (lot.deposited_at, lot.id))


def lot_receive(lot: CardLot, organisation_id: uuid.UUID, amount: int) -> None:
    """This function will have an organisation have `amount` nano-USD (more) of the payment of this lot."""
    facts = (lot.card_fingerprint, lot.address_sha256, lot.deposited_at, lot.at_risk_until)
    with connection.cursor() as cursor:
        cursor.execute(_RECEIVE, [new_id(), organisation_id, lot.payment_intent_id, amount, *facts])
