"""What Stripe sent after the backup that the books were restored from: undone there, or known again here."""

import uuid
from datetime import datetime, timedelta

import pytest

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import Payee, Payout, Reconciliation
from billing.selectors.debts import debt_of
from billing.selectors.stripe_books import GRACE
from billing.services.debt_collect import debt_collect
from billing.services.money_stop import money_stop
from billing.services.stripe_reconcile import stripe_reconcile
from core.clock import utc_now
from core.errors import Code
from core.ids import public_id
from core.models import AuditRecord
from core.money import NANO_PER_CENT
from tests import builders
from tests.integration.billing.card_world import USD, events_arrive, legs
from tests.integration.billing.payout_world import decide, give, level, posted, provider, step
from tests.integration.billing.test_money_actions import ONE, OTHER, approve, at_once, propose
from tests.integration.billing.test_money_stop import running
from tests.integration.contract.books import refusal_of

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


def restored(who: uuid.UUID, transfer: gateway.Transfer) -> Payout:
    """Have two operators book a transfer; return its payout."""
    proposal = propose(
        "payout_restore", organisation_id=public_id("organisation", who), transfer_id=transfer.id
    )
    assert (proposal.amount_nano_usd, proposal.payout_id) == (
        transfer.amount_cents * NANO_PER_CENT,
        public_id("payout", uuid.UUID(transfer.group)),
    )
    for _ in range(2):
        assert approve(proposal).status == "approved"
    return Payout.objects.get(transfer_id=transfer.id)


def test_a_payout_made_before_the_restore_is_booked_by_two_operators_and_not_paid_again(
    double, since, earner, running
):
    transfer = lost(earner, usd=40)
    money_stop(reason="restored", now=utc_now())
    payout = restored(earner, transfer)
    assert legs(f"payout:{payout.id}") == {("earnings", "payouts_in_transit"): 40 * USD}
    assert legs(f"payout_sent:{payout.id}") == {("payouts_in_transit", "stripe_clearing"): 40 * USD}
    row = compared(since)
    assert (row.breaks, row.undone) == ([], [])
    assert (step(payout).state, posted(Kind.EARNINGS, earner)) == ("transferred", 10 * USD)
    noted = AuditRecord.objects.get(action="payout.restored", organisation_id=earner)
    assert (noted.actor, noted.detail["transfer"]) == (OTHER, transfer.id)


def test_one_that_had_gone_to_the_bank_is_found_there_and_not_sent_again(double, since, earner):
    transfer = lost(earner)
    account = str(transfer.destination_id)
    sent = gateway.payout_create(
        key="lost too", account=account, amount_cents=50_00, metadata={"payout_id": transfer.group}
    )
    payout = step(restored(earner, transfer))
    assert (payout.state, payout.stripe_payout_id) == ("paid_out", sent.id)
    double.control(f"payouts/{sent.id}/fail")
    events_arrive()
    assert (step(payout).state, posted(Kind.EARNINGS, earner)) == ("returned", 50 * USD)
    assert compared(since).breaks == []


def test_what_the_earnings_lack_is_owed(double, since, earner):
    payout = restored(earner, lost(earner, usd=70))
    assert legs(f"payout:{payout.id}") == {
        ("earnings", "payouts_in_transit"): 50 * USD,
        ("dispute_debt", "payouts_in_transit"): 20 * USD,
    }
    assert (posted(Kind.EARNINGS, earner), debt_of(earner)) == (0, 20 * USD)
    assert compared(since).breaks == []
    give(earner, 30 * USD)
    assert debt_collect(organisation_id=earner, now=utc_now()) == 20 * USD
    assert (posted(Kind.EARNINGS, earner), debt_of(earner)) == (10 * USD, 0)


def test_what_is_no_lost_payout_of_theirs_is_refused_and_nothing_moves(double, since, earner):
    account = str(Payee.objects.get(organisation_id=earner).stripe_account_id)
    by_hand = gateway.transfer_create(
        key="by hand", destination_id=account, amount_cents=1_00, group="bonus", metadata={}
    )
    undone, known = lost(earner, usd=1), step(decide(earner, usd=10))
    take_back(undone, 50)
    for transfer_id, who, code in (
        ("tr_nobody", earner, Code.NOT_FOUND),
        (lost(provider(double), usd=1).id, earner, Code.INVALID_FIELD),
        (by_hand.id, earner, Code.INVALID_FIELD),
        (undone.id, earner, Code.INVALID_FIELD),
        (known.transfer_id, earner, Code.PAYOUT_NOT_BLOCKED),
        (lost(earner, usd=1).id, builders.organisation("other").id, Code.INVALID_FIELD),
    ):
        to = public_id("organisation", who)
        asked = {"organisation_id": to, "transfer_id": transfer_id}
        assert refusal_of(lambda asked=asked: propose("payout_restore", **asked)) is code
    assert posted(Kind.EARNINGS, earner) == 40 * USD


def test_it_is_booked_once_and_not_after_it_was_taken_back(double, since, earner):
    to = public_id("organisation", earner)
    transfer, other = lost(earner, usd=20), lost(earner, usd=10)
    first, again = (propose("payout_restore", organisation_id=to, transfer_id=transfer.id) for _ in range(2))
    late = propose("payout_restore", organisation_id=to, transfer_id=other.id)
    assert refusal_of(lambda: approve(first, by=ONE)) is Code.SAME_OPERATOR
    at_once(4, lambda: approve(first))
    assert refusal_of(lambda: approve(again)) is Code.PAYOUT_NOT_BLOCKED
    take_back(other, 10_00)
    assert refusal_of(lambda: approve(late)) is Code.INVALID_FIELD
    assert posted(Kind.EARNINGS, earner) == 30 * USD
    assert compared(since).breaks == []
