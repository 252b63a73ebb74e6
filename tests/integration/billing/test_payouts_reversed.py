"""A transfer that Stripe takes back although the bank was paid: nobody is paid twice, two decide."""

import uuid
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from billing.ledger.chart import Kind
from billing.models import Payee, Payout
from billing.selectors.payout_views import payout_view
from billing.services.payouts_run import payouts_reconcile
from billing.services.stripe_reconcile import stripe_reconcile
from core.clock import utc_now
from core.errors import Code
from core.ids import public_id
from core.models import AuditRecord
from tests.integration.api.test_gauges import read as gauges
from tests.integration.billing.card_world import USD, events_arrive, legs
from tests.integration.billing.payout_world import account, decide, give, level, move, posted, provider, step
from tests.integration.billing.test_money_actions import ONE, OTHER, approve, propose
from tests.integration.billing.test_payout_verify import planted
from tests.integration.billing.test_payouts import hear_of
from tests.integration.billing.test_stripe_inbox import at_once
from tests.integration.contract.books import refusal_of

ARRIVAL_S = 3 * 86_400
IN_TRANSIT = Kind.PAYOUTS_IN_TRANSIT


@pytest.fixture
def since(double):
    """When the books and the double, which has a thousand dollars, began to agree."""
    at = level(double)
    double.control("top_up/platform", amount=1_000_00)
    return at


def paid_out(double, *, arrives: bool = True) -> tuple[uuid.UUID, Payout]:
    """Return a provider and a payout of 30 dollars that its bank has, or is about to have."""
    who = provider(double)
    give(who, 30 * USD)
    payout = step(decide(who))
    if arrives:
        double.advance(ARRIVAL_S)
        assert step(payout).state == "paid"
    return who, payout


def reverse(double, payout: Payout) -> Payout:
    """Have the transfer be taken back at Stripe, and let us hear of it."""
    double.control(f"transfers/{payout.transfer_id}/reverse")
    events_arrive()
    return step(payout)


def agrees(since) -> bool:
    """Tell whether Stripe's books and ours say the same."""
    return stripe_reconcile(now=utc_now() + timedelta(hours=2), since=since).breaks == []


@pytest.mark.parametrize("arrives", [True, False], ids=["it had arrived", "on its way"])
def test_what_comes_back_of_a_payout_that_the_bank_was_paid_is_not_earned_again(double, since, arrives):
    in_transit = posted(IN_TRANSIT)
    who, payout = paid_out(double, arrives=arrives)
    at_stripe = double.platform_cents()
    assert reverse(double, payout).state == "reversed"
    assert (posted(Kind.EARNINGS, who), posted(IN_TRANSIT) - in_transit) == (0, 30 * USD)
    assert double.platform_cents() == at_stripe + 30_00
    assert legs(f"payout_reversed:{payout.id}") == {("stripe_clearing", "payouts_in_transit"): 30 * USD}
    assert agrees(since)
    assert refusal_of(lambda: decide(who)) is Code.PAYOUT_TOO_SMALL
    assert (payout_view(payout).status, payout.failure_code) == ("reversed", "transfer_reversed")
    for _ in range(2):
        events_arrive()
        step(payout)
    assert (payout.state, posted(Kind.EARNINGS, who)) == ("reversed", 0)


def test_operators_are_told(double, since):
    before = gauges()
    who, payout = paid_out(double)
    reverse(double, payout)
    noted = AuditRecord.objects.filter(action="payout.reversed", organisation_id=who)
    assert [row.subject for row in noted] == [public_id("payout", payout.id)]
    assert gauges()["cux_payouts", "reversed"] == before.get(("cux_payouts", "reversed"), 0) + 1


def test_the_bank_sends_it_back_after_all_and_it_is_earned(double, since):
    who, payout = paid_out(double)
    reverse(double, payout)
    double.control(f"payouts/{payout.stripe_payout_id}/fail", code="account_closed")
    hear_of(payout)
    assert step(payout).state == "returned"
    assert legs(f"payout_returned:{payout.id}") == {("payouts_in_transit", "earnings"): 30 * USD}
    assert posted(Kind.EARNINGS, who) == 30 * USD
    assert Payee.objects.get(organisation_id=who).status == "bank_failed"
    assert agrees(since)


def test_the_bank_sends_it_back_and_then_the_transfer_is_taken_back_and_it_is_earned_once(double, since):
    who, payout = paid_out(double)
    double.control(f"payouts/{payout.stripe_payout_id}/fail", code="account_closed")
    assert reverse(double, payout).state == "returned"
    assert legs(f"payout_returned:{payout.id}") == {("stripe_clearing", "earnings"): 30 * USD}
    assert (posted(Kind.EARNINGS, who), payout.reversed_at) == (30 * USD, None)
    assert agrees(since)


def test_what_had_not_gone_to_the_bank_is_earned_again(double, since):
    who = provider(double)
    give(who, 30 * USD)
    payout = decide(who)
    double.fault("POST /v1/payouts", "error_before")
    payouts_reconcile(now=utc_now())
    payout.refresh_from_db()
    assert payout.state == "transferred"
    assert reverse(double, payout).state == "returned"
    assert posted(Kind.EARNINGS, who) == 30 * USD
    assert agrees(since)


@pytest.mark.parametrize(
    ("kind", "state", "to", "key"),
    [
        ("reversal_credit", "returned", "earnings", "payout_returned"),
        ("reversal_keep", "kept", "insurance", "payout_kept"),
    ],
)
def test_two_operators_decide_whose_it_is_once(double, since, kind, state, to, key):
    who, payout = paid_out(double)
    reverse(double, payout)
    before, in_transit = posted(Kind.INSURANCE), posted(IN_TRANSIT)
    named = public_id("payout", payout.id)
    proposal = propose(kind, by=ONE, payout_id=named)
    other = propose("reversal_keep" if kind == "reversal_credit" else "reversal_credit", payout_id=named)
    assert (proposal.payout_id, proposal.amount_nano_usd) == (named, 30 * USD)
    assert refusal_of(lambda: approve(proposal, by=ONE)) is Code.SAME_OPERATOR
    assert posted(IN_TRANSIT) == in_transit
    at_once(*[lambda: approve(proposal, by=OTHER)] * 4)
    payout.refresh_from_db()
    assert (payout.state, payout.next_step_at) == (state, None)
    assert legs(f"{key}:{payout.id}") == {("payouts_in_transit", to): 30 * USD}
    assert posted(IN_TRANSIT) == in_transit - 30 * USD
    credited = 30 * USD if state == "returned" else 0
    assert (posted(Kind.EARNINGS, who), posted(Kind.INSURANCE) - before) == (credited, 30 * USD - credited)
    assert refusal_of(lambda: approve(other)) is Code.PAYOUT_NOT_BLOCKED
    assert refusal_of(lambda: propose(kind, payout_id=named)) is Code.PAYOUT_NOT_BLOCKED
    assert agrees(since)


def test_only_what_was_reversed_is_decided_on(double, since):
    _, payout = paid_out(double)
    named = public_id("payout", payout.id)
    for kind in ("reversal_credit", "reversal_keep"):
        assert refusal_of(lambda kind=kind: propose(kind, payout_id=named)) is Code.PAYOUT_NOT_BLOCKED
    payout.refresh_from_db()
    assert payout.state == "paid"


def test_what_operators_kept_and_the_bank_sends_back_is_earned_again_as_soon_as_the_insurance_has_it(
    double, since
):
    who, payout = paid_out(double)
    reverse(double, payout)
    approve(propose("reversal_keep", by=ONE, payout_id=public_id("payout", payout.id)), by=OTHER)
    assert step(payout).next_step_at is None
    spent = posted(Kind.INSURANCE) - 30 * USD + 1
    move((account(Kind.INSURANCE), account(Kind.EXTERNAL_CASH), spent))
    double.control(f"payouts/{payout.stripe_payout_id}/fail", code="account_closed")
    hear_of(payout)
    with capture_logs() as said:
        assert step(payout).state == "kept"
    assert [line["event"] for line in said if line["log_level"] == "error"] == ["payout_kept_not_paid"]
    assert payout.next_step_at > utc_now()
    assert (posted(Kind.EARNINGS, who), posted(Kind.INSURANCE)) == (0, 30 * USD - 1)
    assert Payee.objects.get(organisation_id=who).status != "bank_failed"
    assert gauges()["cux_payout_oldest_seconds", "kept"] > 0
    move((account(Kind.EXTERNAL_CASH), account(Kind.INSURANCE), spent))
    for _ in range(2):
        assert (step(payout).state, payout.next_step_at) == ("returned", None)
    assert legs(f"payout_returned:{payout.id}") == {("insurance", "earnings"): 30 * USD}
    assert (posted(Kind.EARNINGS, who), posted(Kind.INSURANCE)) == (30 * USD, spent - 1)
    assert Payee.objects.get(organisation_id=who).status == "bank_failed"
    assert agrees(since)
    with planted("SELECT 1") as broken:
        assert str(payout.id) not in str(broken)
