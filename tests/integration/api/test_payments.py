"""Money by card over REST, with the typed client, the double's pages and its signed webhooks."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest

from accounts.models import Organisation
from accounts.services import IssuedKey
from billing.ledger.chart import Kind
from billing.models import StripeEvent
from billing.services.events_reconcile import events_reconcile
from core.clock import utc_now
from core.errors import Code
from cux.client import Client
from cux.client.errors import InsufficientFundsError, InvalidRequestError, NotFoundError
from tests import builders
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.integration.billing.card_world import USD
from tests.integration.billing.refund_world import answered, move
from tests.stripe import StripeDouble
from tests.waiting import eventually

KeyOf = Callable[..., IssuedKey]


@pytest.fixture
def client(exchange_url: str, buyer: Organisation, key_of: KeyOf, db: None) -> Iterator[Client]:
    """Return a client of an organisation of the test's own."""
    with Client(exchange_url, key_of(buyer, "read", "trade", "withdraw").secret) as client:
        yield client


def webhooks_arrive(double: StripeDouble) -> None:
    """Have the double's webhooks delivered, and worked off as a worker would."""
    before = StripeEvent.objects.count()
    double.deliver()
    eventually(lambda: StripeEvent.objects.count() > before, within_s=10)
    events_reconcile(now=utc_now() + timedelta(minutes=1))


def save_card(double: StripeDouble, client: Client, number: str = "4242424242424242") -> str:
    """Save a card on the page that the API names, and return its id."""
    before = {card.payment_method for card in client.payment_method_list()}
    assert double.pay(client.payment_method_setup(return_url="https://example.com/cards").url, number)
    (card,) = {card.payment_method for card in client.payment_method_list()} - before
    return card


def test_a_deposit_from_request_to_balance(client: Client, double: StripeDouble):
    begun = client.deposit_create(100 * USD, return_url="https://example.com/thanks", save_card=True)
    assert (begun.status, begun.method, begun.finished_at) == ("open", "checkout", None)
    assert begun.checkout_url is not None
    assert double.pay(begun.checkout_url) == "https://example.com/thanks"
    webhooks_arrive(double)
    paid = client.deposit_get(begun.deposit_id)
    assert (paid.status, paid.checkout_url, paid.card_brand, paid.card_last4) == (
        "succeeded",
        None,
        "visa",
        "4242",
    )
    assert client.balance_get().arriving_nano_usd == 100 * USD
    assert [row.deposit_id for row in client.deposit_list()] == [begun.deposit_id]
    assert [(card.last4, card.is_default) for card in client.payment_method_list()] == [("4242", True)]


def test_the_same_key_gets_the_same_answer_byte_for_byte(
    exchange: httpx.Client, buyer: Organisation, key_of: KeyOf, double: StripeDouble
):
    headers = bearer(key_of(buyer).secret) | {"Idempotency-Key": uuid.uuid4().hex}
    body = {"amount_nano_usd": 20 * USD}
    first = exchange.post("/v1/deposits", json=body, headers=headers)
    assert first.status_code == 201
    assert double.pay(first.json()["checkout_url"])
    webhooks_arrive(double)
    again = exchange.post("/v1/deposits", json=body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    other = exchange.post("/v1/deposits", json={"amount_nano_usd": 30 * USD}, headers=headers)
    assert_error(other, Code.IDEMPOTENCY_KEY_REUSED)


def test_without_an_answer_of_stripes_the_same_key_asks_again(
    exchange: httpx.Client, buyer: Organisation, key_of: KeyOf, double: StripeDouble
):
    headers = bearer(key_of(buyer).secret) | {"Idempotency-Key": uuid.uuid4().hex}
    double.fault("POST /v1/checkout/sessions", "timeout_after")
    body = {"amount_nano_usd": 20 * USD}
    assert_error(exchange.post("/v1/deposits", json=body, headers=headers), Code.DEPENDENCY_UNAVAILABLE)
    answer = exchange.post("/v1/deposits", json=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "open")
    listed = exchange.get("/v1/deposits", headers=headers).json()["data"]
    assert [row["deposit_id"] for row in listed] == [answer.json()["deposit_id"]]


def test_a_saved_card_pays_at_once(client: Client, double: StripeDouble):
    card = save_card(double, client)
    assert client.deposit_create(50 * USD, payment_method=card).status == "succeeded"


def test_a_declined_card_is_told_in_the_banks_words(client: Client, double: StripeDouble):
    card = save_card(double, client, "4000000000000341")
    key = uuid.uuid4().hex
    for _ in range(2):
        with pytest.raises(InsufficientFundsError) as declined:
            client.deposit_create(50 * USD, payment_method=card, idempotency_key=key)
        assert declined.value.code == "payment_declined"
        assert "declined" in declined.value.message
    (row,) = client.deposit_list()
    assert (row.status, row.failure_code) == ("failed", "generic_decline")


@pytest.mark.parametrize("url", ["http://example.com/", "https://", "http://127.0.0.1.example.com/"])
def test_a_page_does_not_lead_back_to_just_anywhere(client: Client, url: str):
    with pytest.raises(InvalidRequestError) as refused:
        client.deposit_create(50 * USD, return_url=url)
    assert refused.value.param == "return_url"
    assert list(client.deposit_list()) == []


def test_cards_are_the_organisations_own(
    client: Client, exchange_url: str, double: StripeDouble, key_of: KeyOf
):
    card, other = save_card(double, client), save_card(double, client, "5555555555554444")
    assert client.payment_method_default(card).is_default
    assert [row.payment_method for row in client.payment_method_list() if row.is_default] == [card]
    with Client(exchange_url, key_of(builders.organisation("stranger")).secret) as stranger:
        assert stranger.payment_method_list() == []
        for ask in (stranger.payment_method_default, stranger.payment_method_forget):
            with pytest.raises(NotFoundError):
                ask(card)
        save_card(double, stranger)
        with pytest.raises(NotFoundError):
            stranger.payment_method_forget(card)
    assert client.payment_method_forget(card).payment_method == card
    assert [row.payment_method for row in client.payment_method_list()] == [other]
    with pytest.raises(NotFoundError):
        client.payment_method_forget(card)


def test_a_refund_is_shown_before_and_asked_for_once(
    client: Client, double: StripeDouble, buyer: Organisation
):
    assert client.deposit_create(100 * USD, payment_method=save_card(double, client)).status == "succeeded"
    move(buyer.id, Kind.TRANSIT, Kind.WALLET, 100 * USD)
    answered("wallet.fund", buyer.id)
    plan = client.refund_preview(50 * USD)
    assert (plan.most_nano_usd, plan.fee_nano_usd, plan.card_nano_usd) == (
        100 * USD,
        1_600_000_000,
        48_400_000_000,
    )
    key = uuid.uuid4().hex
    (refund,) = client.refund_create(50 * USD, idempotency_key=key)
    assert client.refund_create(50 * USD, idempotency_key=key) == [refund]
    assert (refund.status, refund.amount_nano_usd, refund.card_nano_usd) == (
        "pulling",
        50 * USD,
        48_400_000_000,
    )
    assert [row.refund_id for row in client.refund_list()] == [refund.refund_id]
    assert client.refund_get(refund.refund_id) == refund
    answered("wallet.defund", buyer.id)
    with pytest.raises(InsufficientFundsError):
        client.refund_preview(51 * USD)


def test_a_top_up_is_set_shown_and_switched_off(client: Client, double: StripeDouble):
    with pytest.raises(NotFoundError):
        client.auto_top_up_get()
    card = save_card(double, client)
    rules = {"threshold_nano_usd": 10 * USD, "amount_nano_usd": 50 * USD, "monthly_cap_nano_usd": 200 * USD}
    set_up = client.auto_top_up_set(card, **rules)
    assert (set_up.is_on, set_up.payment_method, set_up.this_month_nano_usd) == (True, card, 0)
    assert client.auto_top_up_get() == set_up
    for wrong in ({"amount_nano_usd": 4 * USD}, {"monthly_cap_nano_usd": 49 * USD}):
        with pytest.raises(InvalidRequestError):
            client.auto_top_up_set(card, **(rules | wrong))
    with pytest.raises(NotFoundError):
        client.auto_top_up_set("pm_of_somebody", **rules)
    assert client.auto_top_up_get() == set_up
    assert client.auto_top_up_end().off_reason == "owner"
    client.auto_top_up_set(card, **rules)
    client.payment_method_forget(card)
    assert client.auto_top_up_get().is_on is False
