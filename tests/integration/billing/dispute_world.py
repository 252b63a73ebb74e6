"""What tests of disputes share: disputes at the double, what people then have, how far the books differ."""

import dataclasses
import uuid

from django.db import connections, transaction

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import Deposit, Dispute
from billing.selectors.debts import debt_of
from billing.services.dispute_apply import dispute_apply
from core.clock import utc_now
from core.models import OutboxMessage
from core.retry import transact
from tests.integration.billing.card_world import CENT, USD, events_arrive
from tests.integration.billing.payout_world import (
    account,
    move,
    posted,
)

FEE = 15 * USD


def opened(double, deposit: Deposit, **given: object) -> Dispute:
    """Have a deposit's card payment be disputed, and hear of it."""
    found = double.control(f"charges/{deposit.charge_id}/dispute", **given)
    events_arrive()
    return Dispute.objects.get(stripe_dispute_id=found["id"])


def won(double, dispute: Dispute) -> Dispute:
    """Win a dispute, and hear of it."""
    double.control(f"disputes/{dispute.stripe_dispute_id}/win")
    events_arrive()
    dispute.refresh_from_db()
    return dispute


def lost(double, dispute: Dispute) -> Dispute:
    """Lose a dispute, and hear of it."""
    double.control(f"disputes/{dispute.stripe_dispute_id}/lose")
    events_arrive()
    dispute.refresh_from_db()
    return dispute


def to_funding(who: uuid.UUID, nano_usd: int) -> None:
    """Bring money from the wallet to funding, as the sequencer's `defund` does."""
    move((account(Kind.WALLET, who), account(Kind.FUNDING, who), nano_usd))


def money(who: uuid.UUID) -> tuple[int, int, int]:
    """Return funding (transit included), wallet and debt."""
    transit = sum(
        message.payload["amount_nano_usd"]
        for message in OutboxMessage.objects.filter(
            topic="wallet.fund", sent_at__isnull=True, payload__organisation_id=str(who)
        )
    )
    return posted(Kind.FUNDING, who) + transit, posted(Kind.WALLET, who), debt_of(who)


class Drift:
    """By how much our books and Stripe's differ since now: nothing."""

    def __init__(self, double) -> None:
        self.double = double
        self.before = posted(Kind.STRIPE_CLEARING) + double.platform_cents() * CENT

    def __call__(self) -> int:
        return posted(Kind.STRIPE_CLEARING) + self.double.platform_cents() * CENT - self.before


def opened_elsewhere(double, deposit: Deposit) -> gateway.Dispute:
    """Have a payment be disputed, and nobody tell us."""
    return gateway.dispute_get(double.control(f"charges/{deposit.charge_id}/dispute")["id"])


def with_changes(found: gateway.Dispute, **changes: object) -> gateway.Dispute:
    """Return what Stripe would say if some of it were otherwise."""
    return dataclasses.replace(found, **changes)


def applied(deposit: Deposit, found: gateway.Dispute) -> Dispute:
    """Apply what Stripe says of a dispute."""
    return transact(lambda: dispute_apply(deposit_id=deposit.id, found=found, now=utc_now()))


def risk_is_over(deposit: Deposit) -> None:
    """Let the time of a card payment's risk pass."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE billing_cardlot DISABLE TRIGGER billing_cardlot_risk_grows")
        cursor.execute(
            "UPDATE billing_cardlot SET at_risk_until = now() - interval '1 s' WHERE payment_intent_id = %s",
            [deposit.payment_intent_id],
        )
        cursor.execute("ALTER TABLE billing_cardlot ENABLE TRIGGER billing_cardlot_risk_grows")
