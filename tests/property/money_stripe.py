"""What Stripe would say, as its SDK gives it, to the machine of `money_machine`."""

import itertools
from dataclasses import replace
from typing import Any
from unittest import mock

from accounts.models import Organisation
from billing import stripe_gateway as gateway
from billing.models import Deposit, Refund
from core.clock import utc_now
from tests.property.money_plain import CENT, DISPUTE_FEE

_numbers = itertools.count(1)
CHARGED = gateway.Charge(
    id="",
    amount_cents=0,
    refunded_cents=0,
    fee_cents=0,
    balance_transaction_id=None,
    fingerprint="",
    brand="visa",
    last4="4242",
    country="US",
    address={},
    is_disputed=False,
)


def payment_answer(deposit: Deposit, payer: Organisation, fee: int) -> gateway.Payment:
    """Return what Stripe says of a payment that went through."""
    number = f"{deposit.id.hex}"
    cents = deposit.amount_nano_usd // CENT
    charge = replace(
        CHARGED, id=f"ch_{number}", amount_cents=cents, fee_cents=fee // CENT, fingerprint=payer.id.hex
    )
    return gateway.Payment(
        id=f"pi_{number}",
        status="succeeded",
        amount_cents=cents,
        received_cents=cents,
        currency="usd",
        customer_id=f"cus_{payer.id.hex}",
        payment_method_id=f"pm_{number}",
        charge=charge,
        action_url="",
        failure_code="",
        failure_message="",
        metadata={"deposit_id": str(deposit.id)},
        is_live=gateway.is_live(),
    )


def refund_answer(row: Refund, status: str) -> gateway.Refund:
    """Return what Stripe says of a refund."""
    return gateway.Refund(
        id=f"re_{row.id.hex}",
        status=status,
        amount_cents=row.card_nano_usd // CENT,
        currency="usd",
        payment_id=row.deposit.payment_intent_id,
        charge_id=None,
        failure_reason="",
        metadata={"refund_id": str(row.id)},
    )


def dispute_answer(deposit: Deposit, amount: int) -> gateway.Dispute:
    """Return what Stripe says of a dispute that took a payment back."""
    return gateway.Dispute(
        id=f"dp_{deposit.id.hex}",
        status="needs_response",
        reason="fraudulent",
        amount_cents=amount // CENT,
        currency="usd",
        charge_id=deposit.charge_id,
        payment_id=deposit.payment_intent_id,
        created_at=utc_now(),
        evidence_due_by=None,
        movements=(movement(-amount, DISPUTE_FEE),),
    )


def decided(found: gateway.Dispute, is_won: bool) -> gateway.Dispute:
    """Return what Stripe says of a dispute that is over."""
    back = (movement(found.amount_cents * CENT, 0),) if is_won else ()
    return replace(found, status="won" if is_won else "lost", movements=(*found.movements, *back))


def movement(amount: int, fee: int) -> gateway.BalanceTransaction:
    """Return a movement of our balance at Stripe, nano-USD."""
    return gateway.BalanceTransaction(
        id=f"txn_{next(_numbers)}",
        type="adjustment",
        amount_cents=amount // CENT,
        fee_cents=fee // CENT,
        net_cents=(amount - fee) // CENT,
        source_id=None,
        created_at=utc_now(),
        available_on=None,
    )


def stripe_pays(arrives: bool) -> Any:
    """Have Stripe take every step of a payout, up to the bank, which takes it or does not."""
    status = "paid" if arrives else "failed"

    def transfer(*, group: str, amount_cents: int, destination_id: str, **_: Any) -> gateway.Transfer:
        return gateway.Transfer(f"tr_{group}", amount_cents, 0, "usd", destination_id, group, {})

    def payout(*, amount_cents: int, metadata: dict[str, str], **_: Any) -> gateway.Payout:
        name = f"po_{metadata['payout_id']}"
        return gateway.Payout(name, status, amount_cents, "usd", None, "", "", metadata)

    return mock.patch.multiple(
        "billing.services.payout_step.gateway",
        transfers_of_group=lambda _group: [],
        transfer_create=transfer,
        payouts_list=lambda **_: [],
        payout_create=payout,
        payout_get=lambda _id, **_: gateway.Payout("po", status, 0, "usd", None, "", "", {}),
        reversals_of_transfer=lambda _id: [],
        transfer_reverse=lambda transfer_id, *, amount_cents, **_: gateway.TransferReversal(
            f"trr_{transfer_id}", amount_cents, transfer_id
        ),
    )
