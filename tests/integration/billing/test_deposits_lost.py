"""What cards paid after the backup that the books were restored from: booked again, and money may leave."""

import uuid
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import BillingProfile, Customer, Deposit, Dispute, Refund
from billing.selectors.debts import debt_of
from billing.selectors.stripe_books import GRACE
from billing.services.customer_ensure import customer_ensure
from billing.services.deposit_restore import deposit_restore
from billing.services.money_stop import money_is_stopped, money_resume, money_stop
from core.clock import utc_now
from core.errors import Code
from core.ids import public_id
from core.models import AuditRecord
from tests.integration.billing.card_world import USD, at_hand, events_arrive, fee, organisation, saved_card
from tests.integration.billing.payout_world import AT_ONCE, level, posted
from tests.integration.billing.test_money_stop import running
from tests.integration.billing.test_transfers_lost import compared
from tests.integration.contract.books import refusal_of

__all__ = ["running"]


@pytest.fixture
def since(double) -> datetime:
    """When the books and the double began to agree."""
    return level(double)


def lost(double, who: uuid.UUID, cents: int = 100_00, **metadata: str) -> gateway.Payment:
    """Have Stripe charge a card for a deposit that the books have lost, and nobody here know what it is."""
    payment = gateway.payment_create(
        key=f"lost:{uuid.uuid4()}",
        amount_cents=cents,
        customer_id=customer_ensure(who),
        payment_method_id=saved_card(double, who, AT_ONCE),
        description="Deposit",
        metadata=metadata or {"deposit_id": str(uuid.uuid4())},
    )
    events_arrive()
    assert not Deposit.objects.filter(payment_intent_id=payment.id).exists()
    return payment


def charge_of(payment: gateway.Payment) -> str:
    assert payment.charge is not None
    return payment.charge.id


def restored(payment: gateway.Payment, who: uuid.UUID | None = None) -> Deposit:
    return deposit_restore(charge_id=charge_of(payment), organisation_id=who, now=utc_now())


def test_a_charge_that_nobody_knows_is_booked_and_money_may_leave_again(double, since, running):
    who = organisation()
    payment = lost(double, who)
    money_stop(reason="restored", now=utc_now())
    (missing, *_) = compared(since).breaks
    assert missing.endswith(f"({charge_of(payment)}) has no entry")
    out = StringIO()
    for _ in range(2):
        call_command("deposit_restore", charge_of(payment), stdout=out)
    deposit = Deposit.objects.get(id=payment.metadata["deposit_id"])
    said = f"{public_id('deposit', deposit.id)} of {public_id('organisation', who)}: {100 * USD} nano-USD"
    assert out.getvalue() == f"{said}, 0 refunded, 0 disputed\n" * 2
    assert (deposit.state, deposit.stripe_fee_nano_usd) == ("succeeded", fee(100 * USD))
    assert (at_hand(who), posted(Kind.FUNDING, who)) == (100 * USD, 0)
    assert compared(since).breaks == []
    money_resume(now=utc_now() + 2 * GRACE)
    assert not money_is_stopped()
    noted = AuditRecord.objects.get(action="deposit.restored", organisation_id=who)
    assert (noted.subject, noted.detail["payment"]) == (public_id("deposit", deposit.id), payment.id)


def test_one_that_was_refunded_at_stripe_costs_the_house_stripes_fee_alone(double, since):
    who = organisation()
    payment = lost(double, who)
    fees = posted(Kind.STRIPE_FEES)
    for cents in (60_00, 40_00):
        gateway.refund_create(
            key=uuid.uuid4().hex, payment_id=payment.id, amount_cents=cents, metadata={"refund_id": "gone"}
        )
    events_arrive()
    assert len(compared(since).breaks) > 3
    for _ in range(2):
        deposit = restored(payment)
    assert (deposit.refunded_nano_usd, deposit.left_nano_usd) == (100 * USD, 0)
    assert Refund.objects.filter(deposit=deposit, origin="stripe", state="succeeded").count() == 2
    assert (at_hand(who), debt_of(who)) == (100 * USD, 100 * USD)  # the wallet is asked for it
    assert posted(Kind.STRIPE_FEES) - fees == -fee(100 * USD)
    assert compared(since).breaks == []


def test_one_that_was_disputed_is_taken_back_here_too(double, since):
    who = organisation()
    payment = lost(double, who)
    double.control(f"charges/{charge_of(payment)}/dispute")
    events_arrive()
    deposit = restored(payment)
    assert (deposit.disputed_nano_usd, Dispute.objects.get(organisation_id=who).state) == (100 * USD, "open")
    assert debt_of(who) == 115 * USD - posted(Kind.FUNDING, who)
    assert compared(since).breaks == []


def test_the_tax_in_it_is_the_billing_profiles(double, since):
    who = organisation()
    profile = {"legal_name": "A", "address_lines": ["x"], "country": "DE", "email": "a@example.com"}
    BillingProfile.objects.create(organisation_id=who, updated_at=utc_now(), **profile)
    tax = posted(Kind.TAX)
    deposit = restored(lost(double, who, 119_00))
    assert (deposit.amount_nano_usd, deposit.tax_nano_usd) == (100 * USD, 19 * USD)
    assert (at_hand(who), posted(Kind.TAX) - tax) == (100 * USD, 19 * USD)
    odd = lost(double, who, 59)  # 49 cents with 19 % are 58, 50 are 60
    assert refusal_of(lambda: restored(odd)) is Code.INVALID_FIELD
    assert at_hand(who) == 100 * USD


def test_a_payer_that_was_lost_too_is_who_the_operator_says(double, since):
    gone, anew = organisation(), organisation()
    theirs = gateway.customer_create(
        key=uuid.uuid4().hex, name="gone", metadata={"organisation_id": str(uuid.uuid4())}
    )
    Customer.objects.create(organisation_id=gone, stripe_id=theirs.id)
    payment = lost(double, gone)
    Customer.objects.filter(organisation_id=gone).delete()
    assert refusal_of(lambda: restored(payment)) is Code.NOT_FOUND
    assert refusal_of(lambda: restored(payment, uuid.uuid4())) is Code.NOT_FOUND
    assert restored(payment, anew).organisation_id == anew
    assert (at_hand(gone), at_hand(anew)) == (0, 100 * USD)
    assert Customer.objects.get(organisation_id=anew).stripe_id == theirs.id
    assert refusal_of(lambda: restored(payment, gone)) is Code.INVALID_FIELD
    assert (at_hand(gone), at_hand(anew)) == (0, 100 * USD)
    assert compared(since).breaks == []


def test_what_paid_no_deposit_of_theirs_is_refused_and_nothing_moves(double, since):
    who, other = organisation(), organisation()
    payment, foreign = lost(double, who), lost(double, who, note="a shop of ours")
    assert refusal_of(lambda: restored(foreign)) is Code.INVALID_FIELD
    assert refusal_of(lambda: restored(payment, other)) is Code.INVALID_FIELD
    nobody = {"charge_id": "ch_nobody", "now": utc_now()}
    assert refusal_of(lambda: deposit_restore(**nobody)) is Code.NOT_FOUND
    for given in (["ch_nobody"], [charge_of(payment), "--to", "org_nonsense"]):
        with pytest.raises(CommandError):
            call_command("deposit_restore", *given)
    assert (at_hand(who), at_hand(other)) == (0, 0)
    assert not Deposit.objects.filter(organisation_id__in=[who, other]).exists()
    assert compared(since, timedelta(0)).breaks == []
