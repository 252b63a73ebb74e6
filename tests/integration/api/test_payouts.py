"""Payees, payouts, disputes and reconciliations over REST, with the typed client and the double's pages."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from django.conf import settings

from accounts.services import api_key_create
from billing.ledger.chart import Kind
from billing.models import Payout
from billing.services.payout_step import payout_step
from billing.services.stripe_reconcile import stripe_reconcile
from core.clock import rfc3339, utc_now
from core.errors import Code
from cux.client import Client
from cux.client.errors import ConflictError, InvalidRequestError, NotFoundError
from tests import builders
from tests.integration.accounts.test_second_factor import enrolled, owner_of
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.integration.billing.card_world import USD
from tests.integration.billing.dispute_world import opened, won
from tests.integration.billing.payout_world import (
    earn,
    give,
    onboard,
    payer,
    posted,
)
from tests.stripe import GOOD_BANK


@pytest.fixture
def client(exchange_url, buyer, key_of, double) -> Iterator[Client]:
    """Return a client of a provider of the test's own, with money of the house at Stripe."""
    double.control("top_up/platform", amount=1_000_00)
    with Client(exchange_url, key_of(buyer, "read", "withdraw").secret) as client:
        yield client


@pytest.fixture
def codes(buyer) -> Iterator[str]:
    """Return fresh codes of an owner's: recovery codes, which do not wait for the next half minute."""
    _, recovery = enrolled(owner_of(buyer))
    return iter(recovery)


def test_a_provider_is_onboarded_and_paid(client, buyer, double, codes):
    with pytest.raises(NotFoundError):
        client.payee_get()
    made = client.payee_onboard(code=next(codes), return_url="https://example.com/back")
    assert (made.status, made.bank_last4, made.requirements != []) == ("onboarding", None, True)
    assert double.onboard(made.onboarding_url) == "https://example.com/back"
    give(buyer.id, 25 * USD + 1)
    onboard(double, buyer.id)  # what the webhook brings
    shown = client.payee_get()
    assert (shown.status, shown.bank_last4, shown.payable_nano_usd) == ("active", GOOD_BANK[-4:], 25 * USD)
    assert (shown.least_nano_usd, shown.debt_nano_usd) == (settings.PAYOUT_MIN_NANO_USD, 0)
    key, code = builders.unique("payout"), next(codes)
    payout = client.payout_create(20 * USD, code=code, idempotency_key=key)
    assert (payout.status, payout.amount_nano_usd, payout.day) == ("paid_out", 20 * USD, None)
    assert client.payout_create(20 * USD, code=code, idempotency_key=key).payout_id == payout.payout_id
    assert client.payout_get(payout.payout_id) == payout
    assert list(client.payout_list()) == [payout]
    assert client.payee_get().payable_nano_usd == 5 * USD
    assert posted(Kind.EARNINGS, buyer.id) == 5 * USD + 1


def test_what_is_set_aside_and_held_back_is_shown_line_by_line(client, buyer, double):
    onboard(double, buyer.id)
    payer_id, _ = payer(double, 100)
    earn(buyer.id, payer_id, 60 * USD, held_back=30 * USD)
    shown = client.payee_get()
    assert (shown.payable_nano_usd, shown.at_risk_nano_usd) == (0, 60 * USD)
    today = utc_now().date()
    longest = timedelta(days=max(settings.HOLD_BACK_DAYS.values()) + 1)
    (line,) = shown.held_back
    assert (line.day, line.amount_nano_usd) == (today.isoformat(), 30 * USD)
    assert line.matures_on == (today + longest).isoformat()
    hour = utc_now().replace(hour=settings.PAYOUT_HOUR_UTC, minute=0, second=0, microsecond=0)
    assert shown.next_payout_at == rfc3339(hour)


@pytest.mark.parametrize("path", ["/v1/payee", "/v1/payouts"])
def test_moneys_way_out_needs_a_fresh_code(exchange, buyer, key_of, double, codes, path):
    onboard(double, buyer.id)
    give(buyer.id, 20 * USD)

    def ask(code: str | None, key: str = "", **body: str) -> httpx.Response:
        shown = {"X-CUX-One-Time-Code": code} if code is not None else {}
        headers = bearer(key_of(buyer, "withdraw").secret) | shown
        return exchange.post(
            path, json=body, headers=headers | {"Idempotency-Key": key or builders.unique("key")}
        )

    assert_error(ask(None), Code.SECOND_FACTOR_REQUIRED)
    assert_error(ask("000000"), Code.SECOND_FACTOR_WRONG)
    assert not Payout.objects.filter(payee__organisation_id=buyer.id).exists()
    code = next(codes)
    assert ask(code, "mine").status_code == 201
    assert ask(code, "mine").status_code == 201, "the same request, as if its answer had been lost"
    assert_error(ask(code), Code.SECOND_FACTOR_WRONG)
    assert_error(
        ask(code, "mine", country="DE") if path == "/v1/payee" else ask(code, "other"),
        Code.SECOND_FACTOR_WRONG,
    )


def test_without_a_second_factor_nothing_leaves(exchange, buyer, key_of, double):
    headers = bearer(key_of(buyer, "withdraw").secret) | {"X-CUX-One-Time-Code": "123456"}
    for path in ("/v1/payee", "/v1/payouts"):
        assert_error(exchange.post(path, json={}, headers=headers), Code.SECOND_FACTOR_MISSING)


@pytest.mark.parametrize(
    ("body", "param"),
    [({"country": "usa"}, "country"), ({"return_url": "ftp://x"}, "return_url"), ({"bank": "1"}, "bank")],
)
def test_what_cannot_be_a_payee_is_refused_before_a_code_is_used(exchange, buyer, key_of, body, param):
    headers = bearer(key_of(buyer, "withdraw").secret)
    assert_error(exchange.post("/v1/payee", json=body, headers=headers), Code.INVALID_FIELD, param)


def test_what_cannot_be_paid_out_is_refused_and_nothing_moves(client, buyer, double, codes):
    with pytest.raises(ConflictError):
        client.payout_create(code=next(codes))
    onboard(double, buyer.id)
    give(buyer.id, 9 * USD)
    with pytest.raises(InvalidRequestError, match=r"\$9.00 can be paid out now"):
        client.payout_create(code=next(codes))
    with pytest.raises(InvalidRequestError, match="whole cents"):
        client.payout_create(10 * USD + 1, code=next(codes))
    assert (list(client.payout_list()), posted(Kind.EARNINGS, buyer.id)) == ([], 9 * USD)


def test_a_payout_that_failed_says_why(client, buyer, double, codes):
    onboard(double, buyer.id)
    give(buyer.id, 20 * USD)
    payout = client.payout_create(code=next(codes))
    row = Payout.objects.get(payee__organisation_id=buyer.id)
    double.control(f"payouts/{row.stripe_payout_id}/fail", code="account_closed")
    payout_step(payout_id=row.id, now=utc_now())
    shown = client.payout_get(payout.payout_id)
    assert (shown.status, shown.failure_code) == ("returned", "account_closed")
    assert client.payee_get().status == "bank_failed"


def test_another_organisation_sees_nothing_of_it(exchange_url, client, buyer, double, key_of, codes):
    onboard(double, buyer.id)
    give(buyer.id, 20 * USD)
    payout = client.payout_create(code=next(codes))
    stranger = key_of(builders.organisation("stranger"), "read").secret
    with Client(exchange_url, stranger) as other:
        with pytest.raises(NotFoundError):
            other.payout_get(payout.payout_id)
        assert (list(other.payout_list()), list(other.dispute_list())) == ([], [])


def test_disputes_are_listed_with_what_they_took_and_gave_back(exchange_url, double, key_of):
    payer_id, deposit = payer(double, 100)
    won(double, opened(double, deposit, amount=40_00))
    secret = api_key_create(organisation_id=payer_id, name="k", scopes=["read"]).secret
    with Client(exchange_url, secret) as client:
        (row,) = client.dispute_list()
    assert (row.status, row.withdrawn_nano_usd, row.reinstated_nano_usd) == ("won", 40 * USD, 40 * USD)
    assert (row.deposit_id, row.fee_nano_usd) == (f"dep_{deposit.id.hex}", 15 * USD)


def test_operators_read_the_history_of_reconciliations(exchange_url, double):
    made = stripe_reconcile(now=utc_now())
    secret = api_key_create(organisation_id=builders.house().id, name="o", scopes=["operate"]).secret
    with Client(exchange_url, secret) as client:
        row = client.reconciliation_list()[0]
    assert (row.read_at, row.breaks, row.movements) == (rfc3339(made.read_at), made.breaks, made.movements)
    assert (row.is_clean, row.figures) == (not made.breaks, made.figures)
