"""A refund that an operator made at Stripe: the card has the money, so the organisation owes it."""

import uuid
from datetime import datetime
from typing import Final

from billing import stripe_gateway as gateway
from billing.models import Deposit, Entry, Refund
from billing.selectors.refundable import refunded_tax
from billing.services.announce import refund_announce
from billing.services.card_lots import lot_return
from billing.services.deposit_documents import refund_credit_note
from billing.services.ledger_post import ledger_post
from billing.services.refund_entries import refund_entry
from core.ids import new_id
from core.money import NANO_PER_CENT, mul_div_floor
from core.outbox import outbox_add

_GONE: Final = "succeeded"


def refund_foreign(*, deposit_id: uuid.UUID, answer: gateway.Refund, now: datetime) -> None:
    """This function will post a refund that was not asked for here, once, and have its debt collected.

    The tax on it comes back; Stripe's fee stays with the house, whose decision it was. Runs in the caller's
    transaction. One that is pending is posted when it has succeeded.
    """
    deposit = Deposit.objects.select_for_update(no_key=True).get(id=deposit_id)
    known = Refund.objects.filter(stripe_refund_id=answer.id).exists()
    if known or answer.status != _GONE or deposit.state != Deposit.State.SUCCEEDED:
        return
    refund = _row(deposit, answer, now)
    refund.lot_nano_usd = lot_return(
        organisation_id=deposit.organisation_id,
        payment_intent_id=str(deposit.payment_intent_id),
        amount_nano_usd=refund.amount_nano_usd,
    )
    entry = refund_entry(refund, now)
    ledger_post(entries=[entry], now=now)
    refund.entry = Entry.objects.get(key=entry.key)
    refund.save(force_insert=True)
    outbox_add(topic="debt.pull", payload={"organisation_id": str(deposit.organisation_id)})
    refund_credit_note(refund=refund, entry_key=entry.key, now=now)
    refund_announce(refund, now)


def _row(deposit: Deposit, answer: gateway.Refund, now: datetime) -> Refund:
    """Return the row, and have the deposit know that so much of it is gone."""
    card = answer.amount_cents * NANO_PER_CENT
    tax = _tax(deposit, card)
    amount = card - tax
    deposit.refunded_nano_usd += min(amount, deposit.left_nano_usd)
    deposit.save(update_fields=["refunded_nano_usd"])
    return Refund(
        organisation_id=deposit.organisation_id,
        deposit=deposit,
        request_id=new_id(),
        origin=Refund.Origin.STRIPE,
        state=Refund.State.SUCCEEDED,
        amount_nano_usd=amount,
        fee_nano_usd=0,
        tax_nano_usd=tax,
        card_nano_usd=card,
        stripe_refund_id=answer.id,
        created_at=now,
        next_step_at=now,
        finished_at=now,
    )


def _tax(deposit: Deposit, card_nano_usd: int) -> int:
    """Return the tax in an amount that went back, whole cents: its share, and no more than is left of it."""
    paid_cents = (deposit.amount_nano_usd + deposit.tax_nano_usd) // NANO_PER_CENT
    share = mul_div_floor(deposit.tax_nano_usd // NANO_PER_CENT, card_nano_usd // NANO_PER_CENT, paid_cents)
    return min(share * NANO_PER_CENT, deposit.tax_nano_usd - refunded_tax(deposit.id))
