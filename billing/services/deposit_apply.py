"""Apply what Stripe says of a payment to its deposit: at most one entry, whoever says it and how often."""

import uuid
from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import Customer, Deposit, Entry
from billing.rules.address import address_sha256
from billing.services.announce import deposit_announce
from billing.services.auto_top_up import auto_top_up_told
from billing.services.card_lots import lot_open
from billing.services.deposit_documents import deposit_invoice
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import send_to_wallet
from core.errors import Code, CuxError
from core.money import NANO_PER_CENT

log = structlog.get_logger(__name__)

_WAITING: Final = frozenset({"processing", "requires_capture", "requires_confirmation"})


def deposit_apply(*, deposit_id: uuid.UUID, payment: gateway.Payment, now: datetime) -> bool:
    """This function will bring a deposit to what its payment is; return whether that changed anything.

    A payment that succeeded is credited whatever the deposit was before; after that nothing changes it.
    Runs in the caller's transaction.

    Raises:
        CuxError: DEPENDENCY_UNAVAILABLE, Stripe has not booked the charge yet; INTERNAL, the payment is not
            what was asked for (amount, currency, customer, mode): somebody has to look.
    """
    deposit = Deposit.objects.select_for_update(no_key=True).get(id=deposit_id)
    if deposit.state == Deposit.State.SUCCEEDED:
        return False
    _require_as_asked(deposit, payment)
    before = (deposit.state, deposit.payment_intent_id)
    deposit.payment_intent_id = payment.id
    deposit.payment_method_id = payment.payment_method_id or deposit.payment_method_id
    if payment.status == "succeeded":
        deposit_credit(deposit, payment, now)
    else:
        _wait_or_fail(deposit, payment, now)
    deposit.save()
    return before != (deposit.state, deposit.payment_intent_id)


def deposit_credit(deposit: Deposit, payment: gateway.Payment, now: datetime) -> None:
    """This function will book a payment that succeeded; the caller holds the deposit's row and saves it.

    Raises:
        CuxError: DEPENDENCY_UNAVAILABLE, Stripe has not booked the charge yet.
    """
    charge = payment.charge
    if charge is None or charge.fee_cents is None:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, "Stripe has not booked the charge yet.", retry_after_s=5)
    deposit.stripe_fee_nano_usd = charge.fee_cents * NANO_PER_CENT
    # Lots before balances: that is the order of locks.
    lot_open(
        organisation_id=deposit.organisation_id,
        payment_intent_id=payment.id,
        amount_nano_usd=deposit.amount_nano_usd,
        card_fingerprint=charge.fingerprint,
        address_sha256=address_sha256(charge.address),
        now=now,
    )
    entry = _entry(deposit, payment.id, now)
    outcome = ledger_post(entries=[entry], now=now)[0]
    if not outcome.replayed:
        send_to_wallet(
            organisation_id=deposit.organisation_id,
            amount_nano_usd=deposit.amount_nano_usd,
            key=f"deposit {deposit.id}",
            now=now,
        )
    deposit.entry = Entry.objects.get(key=entry.key)
    deposit.charge_id, deposit.card_fingerprint = charge.id, charge.fingerprint
    deposit.card_brand, deposit.card_last4 = charge.brand, charge.last4
    deposit.card_country = charge.country
    deposit.failure_code = deposit.failure_message = deposit.action_url = ""
    deposit.state, deposit.finished_at = Deposit.State.SUCCEEDED, now
    if not outcome.replayed:
        deposit_invoice(deposit=deposit, entry_key=entry.key, now=now)
    auto_top_up_told(deposit=deposit, now=now)
    deposit_announce(deposit, now)


def deposit_fail(deposit: Deposit, *, code: str, message: str, now: datetime) -> None:
    """This function will end a deposit that was not paid; the caller holds its row and saves it."""
    deposit.state = Deposit.State.FAILED
    deposit.failure_code, deposit.failure_message = code, message
    deposit.action_url, deposit.finished_at = "", now
    auto_top_up_told(deposit=deposit, now=now)
    deposit_announce(deposit, now)


def attempt_next(deposit: Deposit) -> None:
    """This function will have the next question asked under another key, unless somebody else saw to that."""
    Deposit.objects.filter(id=deposit.id, attempt=deposit.attempt).update(attempt=deposit.attempt + 1)


@transaction.atomic
def deposit_expire(*, deposit_id: uuid.UUID, now: datetime) -> bool:
    """This function will end a deposit whose page nobody has paid on; return whether it was unfinished."""
    deposit = Deposit.objects.select_for_update(no_key=True).get(id=deposit_id)
    if deposit.state not in Deposit.UNFINISHED:
        return False
    deposit.state, deposit.finished_at = Deposit.State.EXPIRED, now
    deposit.save(update_fields=["state", "finished_at"])
    deposit_announce(deposit, now)
    return True


def _wait_or_fail(deposit: Deposit, payment: gateway.Payment, now: datetime) -> None:
    """On Stripe's page people may try another card; one charged in their absence has had its try."""
    if deposit.state not in Deposit.UNFINISHED:
        return
    on_page = deposit.method == Deposit.Method.CHECKOUT
    if payment.status == "requires_action" and not on_page:
        deposit.state, deposit.action_url = Deposit.State.REQUIRES_ACTION, payment.action_url
    elif payment.status in _WAITING or on_page:
        deposit.state = Deposit.State.OPEN
    else:
        code = payment.failure_code or payment.status
        deposit_fail(deposit, code=code, message=payment.failure_message, now=now)


def _require_as_asked(deposit: Deposit, payment: gateway.Payment) -> None:
    """Re-read is not enough: the payment must be this deposit's, and of the right size and kind."""
    customer = Customer.objects.get(organisation_id=deposit.organisation_id)
    asked = deposit.amount_nano_usd + deposit.tax_nano_usd
    ours = (
        payment.metadata.get("deposit_id") == str(deposit.id)
        and deposit.payment_intent_id in (None, payment.id)
        and payment.customer_id == customer.stripe_id
        and payment.currency == "usd"
        and payment.amount_cents * NANO_PER_CENT == asked
        and payment.is_live == gateway.is_live()
        and (payment.status != "succeeded" or payment.received_cents == payment.amount_cents)
    )
    if not ours:
        log.error("deposit_not_as_asked", deposit_id=str(deposit.id), payment_id=payment.id)
        raise CuxError(Code.INTERNAL, "The payment is not what the deposit asked for.")


def _entry(deposit: Deposit, payment_id: str, now: datetime) -> JournalEntry:
    """Return clearing → funding (net) and tax, and Stripe's fee out of clearing (C4's first row)."""
    clearing = of_house(Kind.STRIPE_CLEARING)
    legs = [
        (clearing, of_organisation(Kind.FUNDING, deposit.organisation_id), deposit.amount_nano_usd),
        (clearing, of_house(Kind.TAX), deposit.tax_nano_usd),
        (of_house(Kind.STRIPE_FEES), clearing, deposit.stripe_fee_nano_usd),
    ]
    return JournalEntry(
        key=f"deposit:{payment_id}",
        kind="deposit",
        legs=tuple(Leg(*leg) for leg in legs if leg[2]),
        event_at=now,
        ref=str(deposit.organisation_id),
    )
