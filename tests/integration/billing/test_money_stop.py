"""While money is stopped nothing new leaves; what Stripe did before is found and posted."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import Deposit, MoneyStop, Payee, Payout, Reconciliation, Refund
from billing.selectors.stripe_books import GRACE
from billing.services.auto_top_up import auto_top_up_begin
from billing.services.auto_top_up_set import auto_top_up_set
from billing.services.customer_ensure import customer_ensure
from billing.services.deposit_step import deposit_step
from billing.services.money_stop import money_is_stopped, money_resume, money_stop
from billing.services.payouts_run import payouts_run
from billing.services.stripe_reconcile import stripe_reconcile
from core.clock import rfc3339, utc_now
from core.errors import Code, CuxError
from core.models import AuditRecord
from cux.wire.payments import AutoTopUpRules
from tests.database import refused_by_database
from tests.integration.billing.card_world import CENT, USD, saved_card
from tests.integration.billing.payout_world import decide, give, level, posted, provider, step
from tests.integration.billing.refund_world import ask, funded, pull, refunds_at_stripe
from tests.integration.billing.refund_world import step as refund_step
from tests.integration.contract.books import refusal_of
from tests.races import race

OF_THE_OPEN = "UPDATE billing_moneystop SET"
WHERE_OPEN = " WHERE resumed_at IS NULL"


@pytest.fixture
def running(db: None) -> Iterator[None]:
    """Let money leave again, whatever the test did; what others compared does not count for it."""
    agreed()
    yield
    stop = MoneyStop.objects.filter(resumed_at__isnull=True).first()
    if stop:
        agreed(at=stop.stopped_at + 2 * GRACE)
        resume()


@pytest.fixture
def earner(double) -> uuid.UUID:
    """Return a provider who has earned, while Stripe has our money at hand."""
    who = provider(double)
    give(who, 50 * USD)
    double.control("top_up/platform", amount=500_00)
    return who


def stopped(reason: str = "a test", ago: timedelta = 2 * GRACE) -> datetime:
    """Have money stopped so long ago, two hours unless told, and return when."""
    moment = utc_now() - ago
    money_stop(reason=reason, now=moment)
    return moment


def resume() -> None:
    """Let money leave again, now."""
    money_resume(now=utc_now())


def agreed(*breaks: str, at: datetime | None = None) -> None:
    """Have a comparison with Stripe come out so."""
    Reconciliation.objects.create(
        read_at=at or utc_now(),
        stripe_nano_usd=0,
        ledger_nano_usd=0,
        waiting_nano_usd=0,
        movements=0,
        breaks=list(breaks),
        figures={},
    )


def top_up_rules(double, payer: uuid.UUID) -> None:
    """Have a payer topped up as soon as it has less than $200."""
    rules = AutoTopUpRules(
        threshold_nano_usd=200 * USD,
        amount_nano_usd=10 * USD,
        monthly_cap_nano_usd=100 * USD,
        payment_method=saved_card(double, payer),
    )
    auto_top_up_set(organisation_id=payer, rules=rules, now=utc_now())


def test_no_payout_refund_or_top_up_begins(double, earner, running):
    payer = funded(double, 100)
    top_up_rules(double, payer)
    money_stop(reason="a test", now=utc_now())
    assert refusal_of(lambda: decide(earner)) is Code.MONEY_STOPPED
    assert payouts_run(now=utc_now().replace(hour=23)) == 0
    assert refusal_of(lambda: ask(payer)) is Code.MONEY_STOPPED
    assert not auto_top_up_begin(organisation_id=payer, now=utc_now())
    assert not Payout.objects.filter(payee__organisation_id=earner).exists()
    assert not Refund.objects.filter(organisation_id=payer).exists()
    assert posted(Kind.EARNINGS, earner) == 50 * USD


def test_a_decided_payout_waits_until_the_books_agree_with_stripes(double, earner, running):
    payout = decide(earner, usd=20)
    moment = stopped()
    agreed(at=moment)
    assert step(payout).state == "decided"
    assert gateway.transfers_of_group(str(payout.id)) == []
    assert refusal_of(resume) is Code.MONEY_STOPPED
    agreed()
    agreed("entry of nobody")  # what agreed before does not count any more
    assert refusal_of(resume) is Code.MONEY_STOPPED
    assert money_is_stopped()
    agreed()
    resume()
    resume()
    assert not money_is_stopped()
    assert step(payout).state == "paid_out"


def test_a_comparison_counts_once_all_that_left_before_the_stop_is_older_than_the_grace(double, running):
    since = level(double)
    double.control("top_up/platform", amount=500_00)
    earner = provider(double)
    lost = gateway.transfer_create(
        key=f"lost:{earner}",
        destination_id=str(Payee.objects.get(organisation_id=earner).stripe_account_id),
        amount_cents=50_00,
        group=str(uuid.uuid4()),
        metadata={},
    )
    moment = stopped(ago=timedelta(0))
    assert stripe_reconcile(now=moment + GRACE / 2, since=since).breaks == []
    with pytest.raises(CuxError, match=f"after {rfc3339(moment + GRACE)}"):
        resume()
    found = stripe_reconcile(now=moment + GRACE + timedelta(seconds=1), since=since).breaks
    assert lost.id in found[0]
    assert refusal_of(resume) is Code.MONEY_STOPPED
    assert money_is_stopped()


@pytest.mark.parametrize(("later", "counts"), [(0, False), (1, True)])
def test_the_grace_ends_at_one_moment(running, later: int, counts: bool):
    agreed(at=stopped() + GRACE + timedelta(microseconds=later))
    assert (refusal_of(resume) if not counts else resume()) is (None if counts else Code.MONEY_STOPPED)
    assert money_is_stopped() is not counts


def test_a_stop_that_came_with_a_backup_is_renewed_by_the_restores(running):
    notes = AuditRecord.objects.filter(action="money.stopped")
    before = notes.count()
    carried = stopped("by hand", ago=timedelta(days=3))
    agreed(at=carried + 2 * GRACE)
    moment = stopped("restored")
    stop = MoneyStop.objects.get(resumed_at=None)
    assert (stop.stopped_at, stop.reason, notes.count() - before) == (moment, "restored", 2)
    assert refusal_of(resume) is Code.MONEY_STOPPED
    stopped("of before", ago=timedelta(days=1))
    stop.refresh_from_db()
    assert (stop.stopped_at, stop.reason) == (moment, "restored")
    agreed()
    resume()
    assert not money_is_stopped()


def test_a_refund_that_had_begun_waits(double, running):
    refund = pull(ask(funded(double, 100), 30 * USD)[0])
    stopped()
    assert refund_step(refund).state == "held"
    assert refunds_at_stripe(refund) == []
    agreed()
    resume()
    assert refund_step(refund).state == "succeeded"
    assert [made.amount_cents * CENT for made in refunds_at_stripe(refund)] == [refund.card_nano_usd]


def test_a_refund_that_our_rows_have_forgotten_is_found_while_stopped(double, running):
    refund = pull(ask(funded(double, 100), 30 * USD)[0])
    made = gateway.refund_create(
        key=f"of a life before the restore:{refund.id}",
        payment_id=str(refund.deposit.payment_intent_id),
        amount_cents=refund.card_nano_usd // CENT,
        metadata={"refund_id": str(refund.id)},
    )
    stopped()
    assert refund_step(refund).state == "succeeded"
    assert [found.id for found in refunds_at_stripe(refund)] == [made.id]


def begun_top_up(double) -> Deposit:
    """Return an automatic top-up whose card is still to be charged."""
    payer = funded(double, 100)
    top_up_rules(double, payer)
    assert auto_top_up_begin(organisation_id=payer, now=utc_now())
    return Deposit.objects.get(organisation_id=payer, method=Deposit.Method.AUTO_TOP_UP)


def charge(deposit: Deposit, after: timedelta = timedelta(0)) -> str:
    """Take a deposit a step on and return its state then."""
    deposit_step(deposit_id=deposit.id, now=utc_now() + after)
    deposit.refresh_from_db()
    return deposit.state


def test_a_top_up_that_had_begun_waits(double, running):
    deposit = begun_top_up(double)
    before = deposit.state
    stopped()
    assert [charge(deposit), charge(deposit, 2 * GRACE)] == [before, before]
    assert deposit.payment_intent_id is None
    agreed()
    resume()
    assert charge(deposit) == "succeeded"


def test_a_top_up_that_our_rows_have_forgotten_is_found_while_stopped(double, running):
    deposit = begun_top_up(double)
    made = gateway.payment_create(
        key=f"of a life before the restore:{deposit.id}",
        amount_cents=10_00,
        customer_id=customer_ensure(deposit.organisation_id),
        payment_method_id=deposit.payment_method_id,
        description="CUX deposit",
        metadata={"deposit_id": str(deposit.id)},
    )
    stopped()
    assert charge(deposit) == "succeeded"
    assert deposit.payment_intent_id == made.id


def test_the_application_renews_a_stop_and_can_neither_end_it_by_itself_nor_take_it_away(running):
    stopped()
    agreed()
    for sql, refusal in {
        "DELETE FROM billing_moneystop": "42501",
        "TRUNCATE billing_moneystop": "42501",
        "UPDATE billing_moneystop SET id = gen_random_uuid()": "42501",
        f"{OF_THE_OPEN} resumed_at = now(){WHERE_OPEN}": "42501",
        f"{OF_THE_OPEN} reason = 'x'{WHERE_OPEN}": "CX004",
        f"{OF_THE_OPEN} stopped_at = stopped_at - interval '1 s'{WHERE_OPEN}": "CX004",
    }.items():
        assert refused_by_database("default", sql) == refusal, sql
    assert money_is_stopped()
    for sql in (
        "DELETE FROM billing_moneystop",
        f"{OF_THE_OPEN} resumed_at = now(), reason = 'x'{WHERE_OPEN}",
    ):
        assert refused_by_database("owner", sql) == "CX004"
    resume()
    again = f"{OF_THE_OPEN} resumed_at = NULL WHERE resumed_at IS NOT NULL"
    assert [refused_by_database(alias, again) for alias in ("default", "owner")] == ["42501", "CX004"]


def test_money_leaves_again_from_one_moment_on(running):
    stopped()
    stop = MoneyStop.objects.get(resumed_at=None)
    agreed()
    notes = AuditRecord.objects.filter(action="money.resumed")
    before, moments = notes.count(), [utc_now(), utc_now()]
    assert race(*[lambda now=now: money_resume(now=now) for now in moments]) == (None, None)
    stop.refresh_from_db()
    assert (stop.resumed_at, notes.count() - before, money_is_stopped()) == (moments[0], 1, False)


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_transfer_that_our_rows_have_forgotten_is_found_and_not_repeated(
    double, earner, running, is_stopped
):
    payout = decide(earner, usd=20)
    made = gateway.transfer_create(
        key="of a life before the restore",
        destination_id=str(Payee.objects.get(organisation_id=earner).stripe_account_id),
        amount_cents=20_00,
        group=str(payout.id),
        metadata={"payout_id": str(payout.id)},
    )
    if is_stopped:
        money_stop(reason="a test", now=utc_now())
    assert step(payout).state == ("transferred" if is_stopped else "paid_out")
    assert payout.transfer_id == made.id
    assert [found.id for found in gateway.transfers_of_group(str(payout.id))] == [made.id]


def test_a_restore_stops_money_and_the_command_says_how_it_stands(running, tmp_path: Path):
    with mock.patch("core.management.commands.restore.restore"):
        call_command("restore", str(tmp_path), stdout=mock.Mock())
    assert MoneyStop.objects.get(resumed_at__isnull=True).reason == f"restored from {tmp_path.name}"
    with pytest.raises(SystemExit):
        call_command("money_out", "status", stdout=mock.Mock())
    with pytest.raises(CommandError, match="stripe_reconcile"):
        call_command("money_out", "resume", stdout=mock.Mock())
    agreed(at=utc_now() + 2 * GRACE)
    call_command("money_out", "resume", stdout=mock.Mock())
    call_command("money_out", "status", stdout=mock.Mock())
    assert not money_is_stopped()
