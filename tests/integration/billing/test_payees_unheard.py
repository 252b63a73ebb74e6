"""Accounts of which no event ever arrives: they are asked about, seldom, and none keeps others waiting."""

import uuid
from datetime import timedelta

import pytest

from billing import stripe_gateway as gateway
from billing.models import Payee, StripeEvent
from billing.services import payees_reconcile as reconciler
from billing.services.payee_onboard import payee_onboard
from billing.services.payees_reconcile import PAID_EVERY, UNPAID_EVERY, payees_reconcile
from core.clock import utc_now
from core.errors import Code
from core.models import AuditRecord
from tests import builders
from tests.integration.billing.card_world import USD
from tests.integration.billing.payout_world import FAILING_BANK, decide, give, provider, step
from tests.integration.contract.books import refusal_of

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def alone(double) -> None:
    """Have other tests' payees heard of just now, so that only the test's own are due."""
    Payee.objects.update(asked_at=utc_now() + timedelta(days=3_650))


def begun(double) -> tuple[Payee, str]:
    """Return a payee whose owner has not yet filled in Stripe's page, and the page."""
    payee, url = payee_onboard(
        organisation_id=builders.organisation("provider").id,
        country="US",
        return_url="http://127.0.0.1/done",
        refresh_url="http://127.0.0.1/again",
        link_key=f"test:{uuid.uuid4()}",
        now=utc_now(),
    )
    return payee, url


def asked_about(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of accounts that Stripe will have been asked about."""
    asked: list[str] = []
    read = gateway.account_get

    def noting(account_id: str) -> gateway.ConnectAccount:
        asked.append(account_id)
        return read(account_id)

    monkeypatch.setattr(gateway, "account_get", noting)
    return asked


def test_whoever_finished_onboarding_unheard_is_active_within_the_hour(double) -> None:
    payee, url = begun(double)
    double.onboard(url)  # there is no endpoint: the webhook never comes
    assert not StripeEvent.objects.filter(account=payee.stripe_account_id).exists()
    read_at = payee.read_at
    assert read_at is not None
    assert payees_reconcile(now=read_at + UNPAID_EVERY - SECOND) == 0
    payee.refresh_from_db()
    assert payee.status == "onboarding"
    at = read_at + UNPAID_EVERY
    assert payees_reconcile(now=at) == 1
    payee.refresh_from_db()
    assert (payee.status, payee.requirements, payee.read_at, payee.asked_at) == ("active", [], at, at)
    assert AuditRecord.objects.filter(action="payee.changed", subject=f"payee:{payee.id}").count() == 1
    assert payees_reconcile(now=at + UNPAID_EVERY) == 0, "now it can be paid"
    assert payees_reconcile(now=at + PAID_EVERY) == 1


def test_one_of_whom_stripe_wants_more_is_stopped_and_goes_on_again_unheard(double) -> None:
    who = provider(double)
    payee = Payee.objects.get(organisation_id=who)
    double.control(f"accounts/{payee.stripe_account_id}/require")
    at = payee.read_at + PAID_EVERY
    assert payees_reconcile(now=at) == 1
    payee.refresh_from_db()
    assert (payee.status, payee.requirements != []) == ("restricted", True)
    give(who, 30 * USD)
    assert refusal_of(lambda: decide(who)) is Code.PAYEE_NOT_READY
    _, url = reonboard(payee)
    double.onboard(url)
    assert payees_reconcile(now=at + UNPAID_EVERY) == 1
    assert decide(who).amount_nano_usd == 30 * USD


def reonboard(payee: Payee) -> tuple[Payee, str]:
    return payee_onboard(
        organisation_id=payee.organisation_id,
        country="US",
        return_url="http://127.0.0.1/done",
        refresh_url="http://127.0.0.1/again",
        link_key=f"test:{uuid.uuid4()}",
        now=utc_now(),
    )


def test_an_account_that_stripe_does_not_show_does_not_stand_before_the_others(
    double, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, _ = begun(double)
    other, url = begun(double)
    double.onboard(url)
    read = gateway.account_get

    def reading(account_id: str) -> gateway.ConnectAccount:
        return read("acct_gone" if account_id == gone.stripe_account_id else account_id)

    monkeypatch.setattr(gateway, "account_get", reading)
    monkeypatch.setattr(reconciler, "_BATCH", 1)
    at = utc_now() + UNPAID_EVERY
    assert payees_reconcile(now=at) == 0
    assert payees_reconcile(now=at) == 1
    other.refresh_from_db()
    assert other.status == "active"
    assert payees_reconcile(now=at + UNPAID_EVERY - SECOND) == 0


def test_while_stripe_is_away_one_is_asked_about_and_nothing_changes(
    double, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    payees = [begun(double)[0] for _ in range(2)]
    before = [(row.status, row.read_at) for row in payees]
    asked = asked_about(monkeypatch)
    url, settings.STRIPE_API_BASE = settings.STRIPE_API_BASE, "http://127.0.0.1:9"
    assert payees_reconcile(now=utc_now() + UNPAID_EVERY) == 0
    assert len(asked) == 1
    settings.STRIPE_API_BASE = url
    for row in payees:
        row.refresh_from_db()
    assert [(row.status, row.read_at) for row in payees] == before


def test_a_bank_that_failed_is_asked_about_until_it_is_another(double) -> None:
    double.control("top_up/platform", amount=100_00)
    who = provider(double, bank=FAILING_BANK)
    give(who, 30 * USD)
    payout = step(decide(who))
    double.advance(3 * 86_400)
    assert step(payout).state == "returned"
    payee = Payee.objects.get(organisation_id=who)
    assert payee.status == "bank_failed"
    _, url = reonboard(payee)
    double.onboard(url, account_number="000999999991")
    assert payees_reconcile(now=payee.read_at + UNPAID_EVERY) == 1
    payee.refresh_from_db()
    assert payee.status == "active"
