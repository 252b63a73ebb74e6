"""What Stripe sent after the backup that the books were restored from: undone there, or known again here."""

import uuid
from datetime import datetime, timedelta

import pytest

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import Payee, Payout, Reconciliation
from billing.services.money_stop import money_stop
from billing.services.stripe_reconcile import GRACE, stripe_reconcile
from core.clock import utc_now
from tests.integration.billing.card_world import USD, events_arrive
from tests.integration.billing.payout_world import decide, give, level, posted, provider, step
from tests.integration.billing.test_money_stop import running

__all__ = ["running"]


@pytest.fixture
def since(double) -> datetime:
    """When the books and the double, which has a thousand dollars, began to agree."""
    at = level(double)
    double.control("top_up/platform", amount=1_000_00)
    return at


@pytest.fixture
def earner(double, since) -> uuid.UUID:
    """Return a provider who has earned 50 dollars, as the restored books have it."""
    who = provider(double)
    give(who, 50 * USD)
    return who


def lost(who: uuid.UUID, usd: int = 50) -> gateway.Transfer:
    """Have Stripe send what a payout asked for that the books have lost."""
    payout_id = str(uuid.uuid4())
    return gateway.transfer_create(
        key=f"payout:{payout_id}:transfer:1",
        destination_id=str(Payee.objects.get(organisation_id=who).stripe_account_id),
        amount_cents=usd * 100,
        group=payout_id,
        metadata={"payout_id": payout_id},
    )


def take_back(transfer: gateway.Transfer, cents: int) -> None:
    """Undo so much of a transfer, as an operator does in the dashboard; we hear of it."""
    gateway.transfer_reverse(transfer.id, key=uuid.uuid4().hex, amount_cents=cents, metadata={})
    events_arrive()


def compared(since: datetime | None, later: timedelta = 2 * GRACE) -> Reconciliation:
    return stripe_reconcile(now=utc_now() + later, since=since)


def test_a_transfer_that_nobody_knows_is_undone_at_stripe_and_the_payout_made_anew(double, since, earner):
    transfer = lost(earner)
    missing, *_ = compared(since).breaks
    assert missing.startswith("transfer txn_")
    assert missing.endswith(f"({transfer.id}) has no entry")
    take_back(transfer, 20_00)
    assert len(compared(since).breaks) > 2, "a part does not cancel out"
    take_back(transfer, 30_00)
    row = compared(since)
    assert (row.breaks, row.waiting_nano_usd) == ([], 0)
    assert [moved.split()[0] for moved in row.undone] == ["transfer_refund", "transfer_refund", "transfer"]
    assert compared(since, timedelta(0)).breaks == []
    assert posted(Kind.EARNINGS, earner) == 50 * USD
    assert step(decide(earner)).state == "paid_out"
    assert compared(since).breaks == []


def test_it_goes_on_to_cancel_out_once_the_transfer_is_too_far_back_to_be_read(double, since, earner):
    transfer = lost(earner)
    compared(since)  # books the thousand dollars
    double.advance(3 * 86_400)
    take_back(transfer, 50_00)
    row = compared(since + timedelta(days=3))
    assert (row.breaks, [moved.split()[0] for moved in row.undone]) == ([], ["transfer_refund"])


def test_one_of_a_payout_that_the_books_have_is_not_undone_behind_its_back(double, since, earner):
    payout = step(decide(earner))
    double.control(f"transfers/{payout.transfer_id}/reverse")
    row = compared(since)
    assert row.undone == []
    assert row.breaks[0].startswith("transfer_refund txn_")
    events_arrive()
    step(payout)
    assert (payout.state, compared(since).breaks) == ("reversed", [])


def test_one_that_a_decided_payout_is_to_find_is_not_undone(double, since, earner, running):
    payout = decide(earner)
    money_stop(reason="restored", now=utc_now())
    transfer = gateway.transfer_create(
        key="of a life before the restore",
        destination_id=str(payout.payee.stripe_account_id),
        amount_cents=50_00,
        group=str(payout.id),
        metadata={"payout_id": str(payout.id)},
    )
    take_back(transfer, 50_00)
    assert compared(since).undone == []
    assert Payout.objects.get(id=payout.id).transfer_id is None
