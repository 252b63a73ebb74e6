"""Payouts against the double of Stripe: whole cents leave once, or come back; whatever happens between."""

import uuid
from datetime import UTC, datetime
from unittest import mock

import pytest
from django.conf import settings

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import Payee, Payout
from billing.services.event_process import event_process
from billing.services.payee_onboard import payee_refresh
from billing.services.payout_step import payout_step
from billing.services.payouts_run import payouts_reconcile, payouts_run
from core.clock import utc_now
from core.errors import Code
from tests import builders
from tests.integration.billing.card_world import CENT, USD, events_arrive, legs
from tests.integration.billing.payout_world import (
    DAY,
    FAILING_BANK,
    decide,
    give,
    onboard,
    posted,
    provider,
    step,
)
from tests.integration.billing.test_stripe_inbox import at_once, noted
from tests.integration.contract.books import refusal_of

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _funds(double):
    """Have money of the house's own at Stripe, so that transfers need not wait for cards."""
    double.control("top_up/platform", amount=100_000_00)


def figures(who: uuid.UUID) -> tuple[int, int]:
    """Return earnings and what is in transit of this provider's payouts."""
    decided = Payout.objects.filter(payee__organisation_id=who, state="decided")
    return posted(Kind.EARNINGS, who), sum(payout.amount_nano_usd for payout in decided)


def transfers(payout: Payout) -> list[gateway.Transfer]:
    return gateway.transfers_of_group(str(payout.id))


def hear_of(payout: Payout) -> None:
    """Have the event about the connected account's payout arrive and be processed."""
    event = noted(
        kind="payout", object_id=payout.stripe_payout_id or "", account=payout.payee.stripe_account_id or ""
    )
    assert event_process(event_id=event.id, now=utc_now())


def test_earnings_reach_the_bank_step_by_step_and_what_a_cent_cannot_hold_stays(double):
    who = provider(double)
    give(who, 50 * USD + CENT - 1)
    in_transit, clearing = posted(Kind.PAYOUTS_IN_TRANSIT), posted(Kind.STRIPE_CLEARING)
    at_stripe = double.platform_cents()
    payout = decide(who)
    assert (payout.state, payout.amount_nano_usd) == ("decided", 50 * USD)
    assert figures(who) == (CENT - 1, 50 * USD)
    assert posted(Kind.PAYOUTS_IN_TRANSIT) - in_transit == 50 * USD
    assert step(payout).state == "paid_out"
    assert legs(f"payout:{payout.id}") == {("earnings", "payouts_in_transit"): 50 * USD}
    assert legs(f"payout_sent:{payout.id}") == {("payouts_in_transit", "stripe_clearing"): 50 * USD}
    assert posted(Kind.PAYOUTS_IN_TRANSIT) == in_transit
    assert posted(Kind.STRIPE_CLEARING) - clearing == (at_stripe - double.platform_cents()) * CENT
    assert [transfer.amount_cents for transfer in transfers(payout)] == [50_00]
    assert step(payout).state == "paid_out"
    double.advance(3 * 86_400)
    assert step(payout).state == "paid"
    assert (payout.next_step_at, figures(who)) == (None, (CENT - 1, 0))


def test_the_webhook_says_that_it_arrived(double):
    who = provider(double)
    give(who, 20 * USD)
    payout = step(decide(who))
    double.advance(3 * 86_400)
    hear_of(payout)
    payouts_reconcile(now=utc_now())
    payout.refresh_from_db()
    assert payout.state == "paid"


@pytest.mark.parametrize("late", [False, True], ids=["on its way", "after it had arrived"])
def test_a_payout_that_fails_at_the_bank_is_taken_back_and_the_bank_not_used_again(double, late):
    who = provider(double)
    give(who, 30 * USD)
    clearing, at_stripe = posted(Kind.STRIPE_CLEARING), double.platform_cents()
    payout = step(decide(who))
    if late:
        double.advance(3 * 86_400)
        assert step(payout).state == "paid"
    double.control(f"payouts/{payout.stripe_payout_id}/fail", code="account_closed")
    hear_of(payout)
    assert step(payout).state == "returned"
    assert (payout.failure_code, payout.reversal_id is not None) == ("account_closed", True)
    assert legs(f"payout_returned:{payout.id}") == {("stripe_clearing", "earnings"): 30 * USD}
    assert figures(who) == (30 * USD, 0)
    assert (posted(Kind.STRIPE_CLEARING), double.platform_cents()) == (clearing, at_stripe)
    assert Payee.objects.get(organisation_id=who).status == "bank_failed"
    assert refusal_of(lambda: decide(who)) is Code.PAYEE_NOT_READY
    assert onboard(double, who, bank="000999999991").status == "active"
    assert decide(who).state == "decided"


def test_a_bank_account_known_to_fail_returns_the_money_in_the_end(double):
    who = provider(double, bank=FAILING_BANK)
    give(who, 30 * USD)
    payout = step(decide(who))
    double.advance(3 * 86_400)
    assert step(payout).state == "returned"
    assert figures(who) == (30 * USD, 0)


def test_an_account_that_may_receive_nothing_returns_the_money_before_it_left(double):
    who = provider(double)
    give(who, 30 * USD)
    payout = decide(who)
    payee = Payee.objects.get(organisation_id=who)
    double.control(f"accounts/{payee.stripe_account_id}/require")
    assert step(payout).state == "returned"
    assert payout.failure_code == "insufficient_capabilities_for_transfer"
    assert legs(f"payout_returned:{payout.id}") == {("payouts_in_transit", "earnings"): 30 * USD}
    assert (figures(who), transfers(payout)) == ((30 * USD, 0), [])
    assert refusal_of(lambda: decide(who)) is Code.PAYEE_NOT_READY
    assert payee_refresh(organisation_id=who, now=utc_now()).requirements != []


def test_money_that_stripe_does_not_have_at_hand_yet_is_waited_for(double):
    double.reset()
    who = provider(double)
    give(who, 30 * USD)
    payout = step(decide(who))
    assert (payout.state, payout.waiting_for) == ("decided", "balance_insufficient")
    double.control("top_up/platform", amount=30_00)
    assert step(payout).state == "paid_out"
    assert (payout.waiting_for, len(transfers(payout))) == ("", 1)


def test_a_transfer_taken_back_at_stripe_is_no_payout(double):
    who = provider(double)
    give(who, 30 * USD)
    payout = decide(who)
    with mock.patch.object(gateway, "payout_create", side_effect=gateway.Unavailable(is_kept=False)):
        with pytest.raises(gateway.Unavailable):
            step(payout)
        payout.refresh_from_db()
        assert payout.state == "transferred"
        gateway.transfer_reverse(payout.transfer_id or "", key="by hand", amount_cents=30_00, metadata={})
        events_arrive()
    assert step(payout).state == "returned"
    assert figures(who) == (30 * USD, 0)


FAULTS = ("error_before", "error_after", "timeout_after")


@pytest.mark.parametrize("operation", ["POST /v1/transfers", "POST /v1/payouts"])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_is_lost_pays_once(double, operation, fault):
    who = provider(double)
    give(who, 30 * USD)
    clearing, at_stripe = posted(Kind.STRIPE_CLEARING), double.platform_cents()
    payout = decide(who)
    double.fault(operation, fault)
    with pytest.raises(gateway.Unavailable):
        step(payout)
    assert step(payout).state == "paid_out"
    assert [transfer.amount_cents for transfer in transfers(payout)] == [30_00]
    account_id = payout.payee.stripe_account_id or ""
    assert [made.amount_cents for made in payouts_of(account_id)] == [30_00]
    assert posted(Kind.STRIPE_CLEARING) - clearing == (at_stripe - double.platform_cents()) * CENT


def payouts_of(account_id: str) -> list[gateway.Payout]:
    return list(gateway.payouts_list(account=account_id))


def test_a_payout_is_found_among_a_hundred_newer_ones(double):
    who = provider(double)
    double.control("top_up/platform", amount=100_00)
    give(who, 30 * USD)
    payout = decide(who)
    double.fault("POST /v1/payouts", "error_after")
    with pytest.raises(gateway.Unavailable):
        step(payout)
    payout.refresh_from_db()
    account_id = payout.payee.stripe_account_id or ""
    gateway.transfer_create(
        key=uuid.uuid4().hex, destination_id=account_id, amount_cents=100_00, group="others", metadata={}
    )
    for _ in range(100):
        gateway.payout_create(key=uuid.uuid4().hex, account=account_id, amount_cents=1, metadata={})
    assert step(payout).state == "paid_out"
    assert sorted(made.amount_cents for made in payouts_of(account_id)) == [*[1] * 100, 30_00]


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_is_lost_takes_back_once(double, fault):
    who = provider(double)
    give(who, 30 * USD)
    at_stripe = double.platform_cents()
    payout = step(decide(who))
    double.control(f"payouts/{payout.stripe_payout_id}/fail")
    double.fault("POST /v1/transfers/{id}/reversals", fault)
    with pytest.raises(gateway.Unavailable):
        step(payout)
    assert step(payout).state == "returned"
    assert (figures(who), double.platform_cents()) == ((30 * USD, 0), at_stripe)


@pytest.mark.parametrize("call", ["transfer_create", "payout_create", "payout_get", "transfer_reverse"])
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_step_that_dies_is_taken_again(double, call, after):
    """Killed between claim and call, or between call and posting: each effect is there once in the end."""
    who = provider(double)
    give(who, 30 * USD)
    payout = decide(who)
    if call == "transfer_reverse":
        double.control(f"payouts/{step(payout).stripe_payout_id}/fail")
    real = getattr(gateway, call)

    def dying(*given, **named):
        if after:
            real(*given, **named)
        raise SystemExit("the process dies here")

    with mock.patch.object(gateway, call, dying), pytest.raises(SystemExit):
        step(step(payout))
    step(payout)
    if call == "transfer_reverse":
        assert (payout.state, figures(who)) == ("returned", (30 * USD, 0))
        assert [transfer.reversed_cents for transfer in transfers(payout)] == [30_00]
    else:
        assert (payout.state, figures(who)) == ("paid_out", (0, 0))
        assert [transfer.amount_cents for transfer in transfers(payout)] == [30_00]


def test_many_steps_at_once_pay_once(double):
    who = provider(double)
    give(who, 30 * USD)
    payout = decide(who)
    at_once(*[lambda: payout_step(payout_id=payout.id, now=utc_now()) for _ in range(6)])
    assert step(payout).state == "paid_out"
    assert [transfer.amount_cents for transfer in transfers(payout)] == [30_00]
    assert figures(who) == (0, 0)


def test_nobody_is_paid_before_stripe_knows_whom(double):
    nobody, half = builders.organisation().id, builders.organisation().id
    Payee.objects.create(organisation_id=half, country="US")
    for who in (nobody, half):
        give(who, 50 * USD)
        assert refusal_of(lambda who=who: decide(who)) is Code.PAYEE_NOT_READY
        assert posted(Kind.EARNINGS, who) == 50 * USD


def test_less_than_the_least_and_more_than_there_is_stay(double):
    who = provider(double)
    give(who, 10 * USD - 1)
    assert refusal_of(lambda: decide(who)) is Code.PAYOUT_TOO_SMALL
    give(who, 10 * USD)
    assert refusal_of(lambda: decide(who, usd=20)) is Code.PAYOUT_TOO_SMALL
    assert refusal_of(lambda: decide(who, usd=9)) is Code.PAYOUT_TOO_SMALL
    assert refusal_of(lambda: decide(who, usd=-1)) is Code.INVALID_FIELD
    assert not Payout.objects.filter(payee__organisation_id=who).exists()
    assert decide(who, usd=15).amount_nano_usd == 15 * USD
    assert posted(Kind.EARNINGS, who) == 5 * USD - 1


def test_no_more_than_the_limit_of_24_hours_is_paid(double):
    who, most = provider(double), settings.PAYOUT_DAY_MAX_NANO_USD
    give(who, most + 100 * USD)
    now = utc_now()
    assert decide(who, usd=100, now=now).amount_nano_usd == 100 * USD
    assert decide(who, now=now).amount_nano_usd == most - 100 * USD
    assert refusal_of(lambda: decide(who, now=now)) is Code.PAYOUT_TOO_SMALL
    assert decide(who, now=now + DAY).amount_nano_usd == 100 * USD


def test_the_days_payouts_are_decided_once_after_their_hour(double):
    who, poor, least = provider(double), provider(double), provider(double)
    give(who, 30 * USD)
    give(poor, settings.PAYOUT_MIN_NANO_USD - 1)
    give(least, settings.PAYOUT_MIN_NANO_USD)
    early = NOON.replace(hour=settings.PAYOUT_HOUR_UTC - 1)
    payouts_run(now=early)
    mine = Payout.objects.filter(payee__organisation_id__in=[who, poor])
    assert not mine.exists()
    payouts_run(now=NOON)
    assert Payout.objects.get(payee__organisation_id=least).amount_nano_usd == settings.PAYOUT_MIN_NANO_USD
    give(who, 30 * USD)
    payouts_run(now=NOON)
    assert [(row.day, row.amount_nano_usd) for row in mine] == [(NOON.date(), 30 * USD)]
    at_once(*[lambda: payouts_run(now=NOON + DAY) > 0 for _ in range(4)])
    assert sorted(row.day for row in mine.all()) == [NOON.date(), (NOON + DAY).date()]
    assert posted(Kind.EARNINGS, who) == 0
