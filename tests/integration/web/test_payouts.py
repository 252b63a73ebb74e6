"""The payouts' page: what can be paid out and when the rest, whom to, by a fresh code, and why one waits."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client, override_settings

from accounts.models import Member, Organisation
from billing.ledger.chart import Kind
from billing.models import Payee, Payout
from billing.services.payout_decide import payout_decide
from billing.services.payout_step import payout_step
from core.clock import utc_now
from core.ids import new_id
from tests import builders
from tests.integration.accounts.test_second_factor import enrolled, owner_of
from tests.integration.billing.card_world import USD
from tests.integration.billing.payout_world import (
    FAILING_BANK,
    earn,
    give,
    onboard,
    pay_in,
    payer,
    posted,
)
from tests.stripe import GOOD_BANK, StripeDouble, running_double

ClientOf = Callable[..., Client]


@pytest.fixture(scope="module")
def _double() -> Iterator[StripeDouble]:
    """Run one double for the module."""
    with running_double() as double, override_settings(STRIPE_API_BASE=double.url):
        yield double


@pytest.fixture
def double(db: None, _double: StripeDouble) -> StripeDouble:
    """Return the double with nothing in it but money of ours."""
    _double.reset()
    _double.control("top_up/platform", amount=1_000_00)
    return _double


@pytest.fixture
def provider(db: None) -> Organisation:
    """Return an organisation of the test's own."""
    return builders.organisation("provider")


@pytest.fixture
def codes(provider: Organisation) -> Iterator[str]:
    """Return fresh codes of an owner's."""
    _, recovery = enrolled(owner_of(provider))
    return iter(recovery)


def form(code: str, **other: str) -> dict[str, str]:
    """Return what a form of the page sends."""
    return {"code": code, "key": new_id().hex} | other


def test_a_provider_sets_up_whom_to_pay_and_pays_out(
    double: StripeDouble, provider: Organisation, client_of: ClientOf, codes: Iterator[str]
) -> None:
    client = client_of(provider)
    assert "nobody yet" in client.get("/payouts").text
    sent = form(next(codes), country="US")
    for _ in range(2):  # a second press is the same request
        to_stripe = client.post("/payouts/onboard", sent)
        assert (to_stripe.status_code, to_stripe["Location"].startswith(double.url)) == (302, True)
    waiting = client.get("/payouts").text
    assert ("not set up" in waiting, "your bank account" in waiting) == (True, True)
    assert double.onboard(to_stripe["Location"]) == "http://127.0.0.1/payouts/return"
    assert client.get("/payouts/return")["Location"] == "/payouts"
    give(provider.id, 25 * USD + 1)
    page = client.get("/payouts")
    assert (f"ending in <strong>{GOOD_BANK[-4:]}" in page.text, page.context["page"].payable) == (
        True,
        25 * USD,
    )
    paid = client.post("/payouts/make", form(next(codes), amount="20.00"), follow=True)
    assert "$20.00 is on its way to your bank." in paid.text
    assert ("on its way to the bank" in paid.text, posted(Kind.EARNINGS, provider.id)) == (True, 5 * USD + 1)
    double.advance(3 * 86_400)
    payout_step(payout_id=Payout.objects.get(payee__organisation=provider).id, now=utc_now())
    assert '<span class="badge paid">paid</span>' in client.get("/payouts").text


def test_nothing_leaves_without_a_fresh_code(
    double: StripeDouble, provider: Organisation, client_of: ClientOf
) -> None:
    client = client_of(provider)
    assert "Set one up" in client.get("/payouts").text
    for path in ("/payouts/onboard", "/payouts/make"):
        answer = client.post(path, form("123456", country="US"))
        assert answer.status_code == 422
    enrolled(owner_of(provider))
    answer = client.post("/payouts/onboard", form("000000", country="US"))
    assert (answer.status_code, "That code is not right" in answer.text) == (422, True)
    assert not Payee.objects.filter(organisation=provider).exists()


def test_what_is_set_aside_and_held_back_says_from_when_it_can_be_paid(
    double: StripeDouble, provider: Organisation, client_of: ClientOf
) -> None:
    payer_id, _ = payer(double, 100)
    earn(provider.id, payer_id, 60 * USD, held_back=30 * USD)
    page = client_of(provider).get("/payouts").context["page"]
    today = utc_now().date()
    risk = timedelta(seconds=settings.NEW_CARD_RISK_S, days=1)
    held = timedelta(days=max(settings.HOLD_BACK_DAYS.values()) + 1)
    assert (page.payable, page.at_risk) == (0, [(today + risk, 60 * USD)])
    assert page.held_back == [(today + held, 30 * USD)]


def test_a_payout_that_waits_for_us_says_why_and_moves_nothing(
    double: StripeDouble, provider: Organisation, client_of: ClientOf, codes: Iterator[str]
) -> None:
    onboard(double, provider.id)
    pay_in(double, provider.id, 100)
    earn(provider.id, provider.id, 60 * USD)
    give(provider.id, 20 * USD)
    client = client_of(provider)
    answer = client.post("/payouts/make", form(next(codes)), follow=True)
    assert "waits for two of our people" in answer.text
    assert "Money that you paid in by card yourself would be paid out to you." in answer.text
    assert ("Pay out now" in answer.text, posted(Kind.EARNINGS, provider.id)) == (False, 80 * USD)


def test_what_the_daily_payout_has_just_taken_is_said_to_be_on_its_way(
    double: StripeDouble, provider: Organisation, client_of: ClientOf, codes: Iterator[str]
) -> None:
    onboard(double, provider.id)
    give(provider.id, 20 * USD)
    now = utc_now()
    taken = payout_decide(organisation_id=provider.id, day=now.date(), now=now)
    client = client_of(provider)
    answer = client.post("/payouts/make", form(next(codes)), follow=True)
    assert answer.redirect_chain == [("/payouts", 302)]
    mine = Payout.objects.filter(payee__organisation=provider)
    said = f"$20.00 is already on its way: the daily payout took it at {now:%H:%M} UTC."
    assert (said in answer.text, mine.get().id) == (True, taken.id)
    mine.update(decided_at=now - timedelta(minutes=11))
    late = client.post("/payouts/make", form(next(codes)))
    assert (late.status_code, "$0.00 can be paid out now" in late.text) == (422, True)
    mine.update(decided_at=now)
    give(provider.id, 30 * USD)
    more = client.post("/payouts/make", form(next(codes), amount="40.00"))
    assert (more.status_code, "$30.00 can be paid out now" in more.text) == (422, True)


def test_a_payout_that_failed_says_why_and_what_to_do(
    double: StripeDouble, provider: Organisation, client_of: ClientOf, codes: Iterator[str]
) -> None:
    onboard(double, provider.id, bank=FAILING_BANK)
    give(provider.id, 20 * USD)
    client = client_of(provider)
    client.post("/payouts/make", form(next(codes)))
    double.advance(3 * 86_400)
    payout_step(payout_id=Payout.objects.get(payee__organisation=provider).id, now=utc_now())
    page = client.get("/payouts").text
    assert ("back in the earnings" in page, "Give another bank account" in page) == (True, True)


@pytest.mark.parametrize("role", [Member.Role.VIEWER, Member.Role.TRADER])
def test_only_owners_have_money_paid_out(
    double: StripeDouble, provider: Organisation, client_of: ClientOf, role: Member.Role
) -> None:
    client = client_of(provider, role)
    assert "An owner of your organisation sets this up." in client.get("/payouts").text
    for path in ("/payouts/onboard", "/payouts/make"):
        assert client.post(path, form("123456"), headers={"Accept": "text/html"}).status_code == 403


def test_the_page_is_there_while_the_payment_service_is_not(
    double: StripeDouble, provider: Organisation, client_of: ClientOf, codes: Iterator[str]
) -> None:
    client = client_of(provider)
    client.post("/payouts/onboard", form(next(codes), country="US"))
    Payee.objects.filter(organisation=provider).update(read_at=None)
    give(provider.id, 25 * USD)
    with override_settings(STRIPE_API_BASE="http://127.0.0.1:9"):
        page = client.get("/payouts")
    assert ("does not answer" in page.text, page.context["page"].payable) == (True, 25 * USD)
