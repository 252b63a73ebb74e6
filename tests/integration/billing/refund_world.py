"""What tests of refunds share: funded payers, and the sequencer's part, which they stand in for."""

import uuid

from django.db import transaction

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import Refund
from billing.services.refund_apply import refund_pulled
from billing.services.refund_create import refund_create
from billing.services.refund_step import refund_step
from core.clock import utc_now
from core.models import OutboxMessage
from tests.integration.billing.books import NOW, post
from tests.integration.billing.card_world import USD, organisation, paid


def move(who: uuid.UUID, debit: Kind, credit: Kind, amount: int) -> None:
    """Move money between accounts as the sequencer does, which these tests stand in for."""
    accounts = [
        of_house(kind) if kind is Kind.TRANSIT else of_organisation(kind, who) for kind in (debit, credit)
    ]
    post(
        JournalEntry(f"test:{uuid.uuid4()}", "test", (Leg(accounts[0], accounts[1], amount),), NOW, str(who))
    )


def answered(topic: str, who: uuid.UUID) -> None:
    """Have the outbox forget what these tests have done in the sequencer's stead."""
    messages = OutboxMessage.objects.filter(topic=topic, payload__organisation_id=str(who), sent_at=None)
    messages.update(sent_at=utc_now())


def funded(double, *dollars: int, card: str = "4242424242424242") -> uuid.UUID:
    """Return an organisation whose wallet has deposits of so many dollars, in this order."""
    who = organisation()
    for usd in dollars:
        paid(double, who, usd, card)
        move(who, Kind.TRANSIT, Kind.WALLET, usd * USD)
    answered("wallet.fund", who)
    return who


def ask(who: uuid.UUID, amount: int | None = None) -> list[Refund]:
    """Ask for money back."""
    return refund_create(organisation_id=who, amount_nano_usd=amount, now=utc_now())


def pull(refund: Refund, *, taken: bool = True) -> Refund:
    """Have the sequencer's answer arrive: the money is in funding, or was not there."""
    answered("wallet.defund", refund.organisation_id)
    if taken:
        move(refund.organisation_id, Kind.WALLET, Kind.FUNDING, refund.amount_nano_usd)
    with transaction.atomic():
        refund_pulled(refund_id=refund.id, taken=taken, now=utc_now())
    refund.refresh_from_db()
    return refund


def step(refund: Refund) -> Refund:
    """Take the refund a step on and return it as it is then."""
    refund_step(refund_id=refund.id, now=utc_now())
    refund.refresh_from_db()
    return refund


def refunds_at_stripe(refund: Refund) -> list[gateway.Refund]:
    """Return what Stripe has refunded of the deposit."""
    return gateway.refunds_of_payment(str(refund.deposit.payment_intent_id))
