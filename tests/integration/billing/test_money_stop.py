"""While money is stopped nothing new leaves; what Stripe did before is found and posted."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind
from billing.models import MoneyStop, Payee, Payout, Reconciliation, Refund
from billing.services.auto_top_up import auto_top_up_begin
from billing.services.auto_top_up_set import auto_top_up_set
from billing.services.money_stop import money_is_stopped, money_resume, money_stop
from billing.services.payouts_run import payouts_run
from core.clock import utc_now
from core.errors import Code
from core.models import AuditRecord
from cux.wire.payments import AutoTopUpRules
from tests.integration.billing.card_world import USD, saved_card
from tests.integration.billing.payout_world import decide, give, posted, provider, step
from tests.integration.billing.refund_world import ask, funded
from tests.integration.contract.books import refusal_of
from tests.races import race


@pytest.fixture
def running(db: None) -> Iterator[None]:
    """Let money leave again, whatever the test did."""
    yield
    MoneyStop.objects.filter(resumed_at__isnull=True).update(resumed_at=utc_now())


@pytest.fixture
def earner(double) -> uuid.UUID:
    """Return a provider who has earned, while Stripe has our money at hand."""
    who = provider(double)
    give(who, 50 * USD)
    double.control("top_up/platform", amount=500_00)
    return who


def agreed(*breaks: str) -> None:
    """Have a comparison with Stripe come out so."""
    Reconciliation.objects.create(
        read_at=utc_now(),
        stripe_nano_usd=0,
        ledger_nano_usd=0,
        waiting_nano_usd=0,
        movements=0,
        breaks=list(breaks),
        figures={},
    )


def test_no_payout_refund_or_top_up_begins(double, earner, running):
    payer = funded(double, 100)
    rules = AutoTopUpRules(
        threshold_nano_usd=200 * USD,
        amount_nano_usd=10 * USD,
        monthly_cap_nano_usd=100 * USD,
        payment_method=saved_card(double, payer),
    )
    auto_top_up_set(organisation_id=payer, rules=rules, now=utc_now())
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
    agreed()
    money_stop(reason="a test", now=utc_now())
    money_stop(reason="again", now=utc_now())
    assert MoneyStop.objects.filter(resumed_at__isnull=True).count() == 1
    assert step(payout).state == "decided"
    assert gateway.transfers_of_group(str(payout.id)) == []
    for breaks in ((), ("entry of nobody",)):  # none since the stop, then one that is not clean
        if breaks:
            agreed(*breaks)
        assert refusal_of(lambda: money_resume(now=utc_now())) is Code.MONEY_STOPPED
        assert money_is_stopped()
    agreed()
    money_resume(now=utc_now())
    money_resume(now=utc_now())
    assert not money_is_stopped()
    assert step(payout).state == "paid_out"


def test_money_leaves_again_from_one_moment_on(running):
    money_stop(reason="a test", now=utc_now())
    stop = MoneyStop.objects.get(resumed_at=None)
    agreed()
    notes = AuditRecord.objects.filter(action="money.resumed")
    before, moments = notes.count(), [utc_now(), utc_now()]
    race(*[lambda now=now: money_resume(now=now) for now in moments])
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
    agreed()
    call_command("money_out", "resume", stdout=mock.Mock())
    call_command("money_out", "status", stdout=mock.Mock())
    assert not money_is_stopped()
