"""A card payment made after the backup that these books were restored from: its deposit is here again.

The payment names it: the row gets the same id, so that everything that Stripe says of it finds it.
"""

import uuid
from datetime import datetime
from functools import partial

from accounts.models import Organisation
from billing import stripe_gateway as gateway
from billing.models import Customer, Deposit
from billing.rules.tax import net_of
from billing.services.customer_ensure import customer_lock
from billing.services.deposit_apply import deposit_apply, deposit_credit
from billing.services.deposit_events import is_uuid
from billing.services.dispute_apply import dispute_fetch
from billing.services.document_issue import buyer_of
from billing.services.refund_events import refunds_read
from billing.services.tax import tax_for
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.ids import public_id
from core.money import NANO_PER_CENT
from core.retry import transact


def deposit_restore(*, charge_id: str, organisation_id: uuid.UUID | None = None, now: datetime) -> Deposit:
    """This function will book a charge whose deposit was lost, its refunds and disputes; again: no effect.

    Whose it is Stripe says, by the customer; `organisation_id` says so where that one was lost too, and has
    to sign up anew. No transaction may be open: Stripe is asked.

    Raises:
        CuxError: NOT_FOUND, Stripe has no such charge, or nobody here is who paid it; INVALID_FIELD, it paid
            no deposit of ours, or its tax is not what the payer's billing profile says; as `deposit_apply`,
            `dispute_apply`. Of what is not booked then nothing moved.
        Unavailable, Misconfigured: Stripe did not say.
    """
    payment = _payment_of(charge_id)
    payer_id = _payer_of(payment, organisation_id)
    deposit_id = uuid.UUID(payment.metadata["deposit_id"])
    transact(lambda: _book(deposit_id, payer_id, payment, now))
    disputes = gateway.disputes_of_payment(payment.id)
    for found in (*refunds_read(payment.id), *(dispute_fetch(dispute.id) for dispute in disputes)):
        if found is not None:
            transact(partial(found, now))
    return Deposit.objects.get(id=deposit_id)


def _payment_of(charge_id: str) -> gateway.Payment:
    try:
        payment_id = gateway.payment_of_charge(charge_id)
    except gateway.Refused:
        raise CuxError(Code.NOT_FOUND, "Stripe has no such charge.", param="charge_id") from None
    payment = gateway.payment_get(payment_id) if payment_id is not None else None
    if payment is None or not is_uuid(payment.metadata.get("deposit_id", "")):
        raise _wrong("This charge paid no deposit of ours.")
    if payment.status != "succeeded" or payment.currency != "usd" or payment.is_live != gateway.is_live():
        raise _wrong("This payment has not succeeded, or is of another currency or mode.")
    return payment


def _payer_of(payment: gateway.Payment, given_id: uuid.UUID | None) -> uuid.UUID:
    customer = gateway.customer_get(payment.customer_id) if payment.customer_id else None
    said = customer.metadata.get("organisation_id", "") if customer is not None else ""
    if is_uuid(said) and Organisation.objects.filter(id=said).exists():
        if given_id not in (None, uuid.UUID(said)):
            raise _wrong("Another organisation has paid it.")
        return uuid.UUID(said)
    if given_id is None or not Organisation.objects.filter(id=given_id).exists():
        raise CuxError(Code.NOT_FOUND, f"Organisation {said} is not here: say whose the money is now.")
    return given_id


def _book(deposit_id: uuid.UUID, payer_id: uuid.UUID, payment: gateway.Payment, now: datetime) -> None:
    customer = customer_lock(payer_id)  # under it nobody else books what is looked for here
    known = Deposit.objects.filter(id=deposit_id).first()
    if known is not None:
        if known.organisation_id != payer_id:
            raise _wrong("This deposit is another organisation's.")
        deposit_apply(deposit_id=deposit_id, payment=payment, now=now)
        return
    deposit = _row(deposit_id, payer_id, payment, now)
    deposit.save(force_insert=True)
    if customer.stripe_id is None:
        Customer.objects.filter(organisation_id=payer_id).update(stripe_id=payment.customer_id)
    deposit_credit(deposit, payment, now)
    deposit.save()
    audit_note(
        Action.DEPOSIT_RESTORED,
        public_id("deposit", deposit.id),
        organisation_id=payer_id,
        payment=payment.id,
        amount_nano_usd=deposit.amount_nano_usd,
    )


def _row(deposit_id: uuid.UUID, payer_id: uuid.UUID, payment: gateway.Payment, now: datetime) -> Deposit:
    """Return the deposit as it was begun: what was paid, parted into net and tax."""
    gross = payment.amount_cents * NANO_PER_CENT
    tax = tax_for(organisation_id=payer_id, net_nano_usd=gross, now=now)
    net = net_of(gross, tax.rate_ppm)
    if net is None:
        raise _wrong("The billing profile says another tax than was paid: have it be as it was.")
    return Deposit(
        id=deposit_id,
        organisation_id=payer_id,
        method=Deposit.Method.CHECKOUT,
        state=Deposit.State.OPEN,
        amount_nano_usd=net,
        tax_nano_usd=gross - net,
        tax_rate_ppm=tax.rate_ppm,
        tax_note=tax.note,
        billed_to=buyer_of(payer_id),
        payment_intent_id=payment.id,
        payment_method_id=payment.payment_method_id or "",
        created_at=now,
        next_step_at=now,
    )


def _wrong(said: str) -> CuxError:
    return CuxError(Code.INVALID_FIELD, said, param="charge_id")
