"""What tests of money by card share: people with cards, events on their way, entries by their legs."""

import uuid
from datetime import datetime, timedelta

from billing import stripe_gateway as gateway
from billing.models import Deposit
from billing.selectors.balances import organisation_balance
from billing.services.customer_ensure import customer_ensure
from billing.services.deposit_create import deposit_create
from billing.services.deposit_step import deposit_step
from billing.services.events_reconcile import events_catch_up, events_reconcile
from core.clock import utc_now
from core.money import NANO_PER_USD
from tests import builders
from tests.integration.billing.books import rows
from tests.stripe import GOOD_CARD, StripeDouble

USD = NANO_PER_USD
CENT = NANO_PER_USD // 100


def organisation() -> uuid.UUID:
    """Return a new organisation's id."""
    return builders.organisation("payer").id


def fee(amount_nano_usd: int) -> int:
    """Return what the double takes of a charge: 2.9 % and 30 cents, in whole cents."""
    return (round(amount_nano_usd // CENT * 0.029) + 30) * CENT


def intent(who: uuid.UUID, usd: int = 100, *, card: str = "", now: datetime | None = None) -> Deposit:
    """Return a new deposit: on Stripe's page, or by a saved card."""
    method = Deposit.Method.CARD if card else Deposit.Method.CHECKOUT
    return deposit_create(
        organisation_id=who,
        amount_nano_usd=usd * USD,
        method=method,
        payment_method_id=card,
        now=now or utc_now(),
    )


def step(deposit: Deposit, now: datetime | None = None) -> Deposit:
    """Take the deposit a step on and return it as it is then."""
    deposit_step(deposit_id=deposit.id, now=now or utc_now())
    deposit.refresh_from_db()
    return deposit


def saved_card(double: StripeDouble, who: uuid.UUID, number: str = GOOD_CARD) -> str:
    """Save a card on Stripe's page and return its id."""
    customer = customer_ensure(who)
    before = {method.id for method in gateway.payment_methods_list(customer)}
    page = gateway.setup_open(
        key=f"test:{uuid.uuid4()}",
        customer_id=customer,
        metadata={},
        success_url="http://127.0.0.1/done",
        cancel_url="http://127.0.0.1/back",
    )
    assert double.pay(page.url, number) is not None
    (saved,) = {method.id for method in gateway.payment_methods_list(customer)} - before
    return saved


def events_arrive() -> None:
    """Have everything that happened at Stripe be heard of and worked off."""
    events_catch_up(now=utc_now())
    events_reconcile(now=utc_now() + timedelta(minutes=1))


def paid(double: StripeDouble, who: uuid.UUID, usd: int = 100, card: str = GOOD_CARD) -> Deposit:
    """Return a deposit that was paid on Stripe's page and posted."""
    deposit = step(intent(who, usd))
    assert double.pay(deposit.checkout_url, card) is not None
    deposit = step(deposit)
    assert deposit.state == "succeeded"
    return deposit


def legs(key: str) -> dict[tuple[str, str], int]:
    """Return an entry's legs: (kind of debit, kind of credit) and amount; nothing if there is none."""
    found = rows(
        """SELECT d.kind, c.kind, t.amount FROM billing_entry e
        JOIN billing_transfer t ON t.entry_id = e.id JOIN billing_account d ON d.id = t.debit_id
        JOIN billing_account c ON c.id = t.credit_id WHERE e.key = %s""",
        key,
    )
    return {(debit, credit): amount for debit, credit, amount in found}


def at_hand(who: uuid.UUID) -> int:
    """Return what an organisation has, wherever it is on its way to the wallet."""
    balance = organisation_balance(who)
    return balance.funding + balance.transit + balance.wallet_posted
