"""The pages about money: who may do what, what it comes to beforehand, and that refusals move nothing."""

import re
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from django.test import Client, override_settings
from pypdf import PdfReader

from accounts.models import Member, Organisation
from billing.models import AutoTopUp, BillingProfile, Deposit, Document, Refund
from core.ids import new_id, public_id
from core.money import format_usd
from tests import builders
from tests.integration.billing.card_world import USD, events_arrive, paid, saved_card
from tests.integration.billing.dispute_world import opened
from tests.integration.billing.payout_world import earn, pay_in
from tests.stripe import StripeDouble, running_double

ClientOf = Callable[..., Client]
HTML = {"HTTP_ACCEPT": "text/html"}
PROFILE = {
    "legal_name": "Lovelace Ltd.",
    "address": "1 Analytical Way\n12345 Berlin",
    "country": "DE",
    "vat_id": "",
    "email": "ada@example.com",
}


@pytest.fixture(scope="module")
def _double() -> Iterator[StripeDouble]:
    """Run one double for the module."""
    with running_double() as double, override_settings(STRIPE_API_BASE=double.url):
        yield double


@pytest.fixture
def double(db: None, _double: StripeDouble) -> StripeDouble:
    """Return the double with nothing in it."""
    _double.reset()
    return _double


@pytest.fixture
def payer(db: None) -> Organisation:
    """Return an organisation of the test's own."""
    return builders.organisation("payer")


def pay(**other: object) -> dict[str, object]:
    """Return what the deposit form sends: $100 on the card page."""
    return {"amount": "100.00", "pay_with": "page", "key": new_id().hex} | other


def test_a_deposit_is_paid_on_the_card_page_and_followed_until_it_is_in_the_balance(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    client = client_of(payer)
    form = pay(save_card="on")
    to_card_page = client.post("/wallet/deposit", form)
    assert (to_card_page.status_code, to_card_page["Location"].startswith(double.url)) == (302, True)
    assert client.post("/wallet/deposit", form)["Location"] == to_card_page["Location"], "sent twice: once"
    (deposit,) = Deposit.objects.filter(organisation=payer)
    address = f"/wallet/deposits/{public_id('deposit', deposit.id)}"
    assert client.get("/wallet/deposit/return")["Location"] == address
    assert "Waiting for the card page" in client.get(address).text
    assert double.pay(to_card_page["Location"]) == "http://127.0.0.1/wallet/deposit/return"
    events_arrive()
    part = client.get(address, headers={"HX-Request": "true"}).text
    assert ("The money moves to your wallet" in part, "hx-trigger" in part, "<html" in part) == (
        True,
        True,
        False,
    )
    assert client.get("/panels/balance").context["figures"].arriving == 100 * USD


def test_who_comes_back_from_the_card_page_is_not_sent_there_again(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    client = client_of(payer)
    to_card_page = client.post("/wallet/deposit", pay())["Location"]
    double.pay(to_card_page)
    with override_settings(STRIPE_API_BASE="http://127.0.0.1:9"):
        back = client.get("/wallet/deposit/return")["Location"]
    page = client.get(back).text
    assert (back.endswith("?confirming"), "Your payment is being confirmed" in page) == (True, True)
    assert f'class="button quiet" href="{to_card_page}"' in page
    back = client.get("/wallet/deposit/return")["Location"]
    page = client.get(back).text
    assert ("confirming" in back, "The card has paid" in page) == (False, True)
    assert "To the card page" not in page


def test_a_deposit_in_the_balance_asks_no_more(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    deposit = pay_in(double, payer.id, 100)
    part = client_of(payer).get(f"/wallet/deposits/{public_id('deposit', deposit.id)}").text
    assert ("$100.00 can be spent" in part, "hx-trigger" in part) == (True, False)


def test_a_declined_card_says_why_and_charges_nothing(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    card = saved_card(double, payer.id, "4000000000000341")
    answer = client_of(payer).post("/wallet/deposit", pay(pay_with=card))
    assert (answer.status_code, "Your card was declined." in answer.text) == (422, True)
    assert [row.state for row in Deposit.objects.filter(organisation=payer)] == ["failed"]
    assert "Your card was declined." in client_of(payer).get("/wallet").text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"amount": "4.99"}, "A deposit is $5.00 to $10,000.00."),
        ({"amount": "ten"}, "Enter dollars and cents, such as 25.00."),
        ({"amount": "10.001"}, "Enter dollars and cents, such as 25.00."),
        ({"amount": ""}, "Enter dollars and cents, such as 25.00."),
        ({"key": "mine"}, "This form is broken: load the page again."),
        ({"pay_with": "pm_of_another"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_paid_in_is_explained_and_nothing_is_begun(
    double: StripeDouble, payer: Organisation, client_of: ClientOf, wrong: dict[str, object], message: str
) -> None:
    answer = client_of(payer).post("/wallet/deposit", pay(**wrong))
    assert (answer.status_code, message in answer.text) == (422, True), answer.text
    assert not Deposit.objects.filter(organisation=payer).exists()


def test_tax_is_shown_before_paying(double: StripeDouble, payer: Organisation, client_of: ClientOf) -> None:
    client = client_of(payer)
    quote = client.post("/wallet/deposit/quote", pay()).text
    assert "No tax: the recipient has given no billing address." in quote
    assert client.post("/documents/profile", PROFILE)["Location"] == "/documents"
    quote = client.post("/wallet/deposit/quote", pay()).text
    assert re.findall(r"<dd>([^<]+)</dd>", quote) == ["$100.00", "$19.00", "$119.00", "$100.00"]
    assert "19 %" in quote


def test_a_refund_is_shown_with_the_fee_that_is_kept_and_asked_for_once(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    pay_in(double, payer.id, 100)
    client = client_of(payer)
    shown = client.get("/wallet/refund?amount=50.00")
    figures = shown.context["preview"]
    assert (figures.amount_nano_usd, figures.fee_nano_usd, figures.card_nano_usd) == (
        50 * USD,
        1_600_000_000,
        48_400_000_000,
    )
    assert "At most <strong>$100.00</strong> now." in shown.text
    form = {"amount": "50.00", "key": new_id().hex}
    for _ in range(2):
        assert client.post("/wallet/refund", form)["Location"] == "/wallet"
    (refund,) = Refund.objects.filter(organisation=payer)
    assert refund.amount_nano_usd == 50 * USD
    page = client.get("/wallet").text
    assert ("$48.40 is on its way back" in page, "leaving the wallet" in page) == (True, True)


def test_more_than_is_unspent_is_not_refunded(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    client = client_of(payer)
    assert "Nothing can be refunded now" in client.get("/wallet/refund").text
    pay_in(double, payer.id, 100)
    answer = client.post("/wallet/refund", {"amount": "100.01", "key": new_id().hex})
    assert (answer.status_code, "not enough money" in answer.text) == (422, True)
    assert not Refund.objects.filter(organisation=payer).exists()


def test_cards_are_chosen_forgotten_and_top_up_by_themselves(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    client = client_of(payer)
    assert client.post("/wallet/cards/add")["Location"].startswith(double.url)
    first, second = saved_card(double, payer.id), saved_card(double, payer.id, "5555555555554444")
    assert client.post(f"/wallet/cards/{first}/prefer").status_code == 302
    assert [card.payment_method for card, _ in client.get("/wallet/cards").context["cards"]] == [
        first,
        second,
    ]
    rules = {"threshold": "20", "amount": "50", "monthly_cap": "40", "card": first}
    refused = client.post("/wallet/top-up", rules)
    assert (refused.status_code, "The cap is at least one top-up" in refused.text) == (422, True)
    assert client.post("/wallet/top-up", rules | {"monthly_cap": "200"}).status_code == 302
    assert AutoTopUp.objects.get(organisation=payer).is_on
    assert client.post(f"/wallet/cards/{first}/forget").status_code == 302
    assert not AutoTopUp.objects.get(organisation=payer).is_on
    client.post(f"/wallet/cards/{first}/forget")
    assert "There is no such saved card" in client.get("/wallet/cards").text


def test_papers_are_listed_and_given_out_to_their_owner_alone(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    client = client_of(payer)
    client.post("/documents/profile", PROFILE)
    paid(double, payer.id, 100)
    (document,) = Document.objects.filter(organisation=payer)
    page = client.get("/documents")
    assert (document.number in page.text, "Lovelace Ltd." in page.text) == (True, True)
    file = client.get(f"/documents/{document.number}.pdf")
    assert file["Content-Type"] == "application/pdf"
    text = PdfReader(BytesIO(file.content)).pages[0].extract_text()
    assert all(part in text for part in (document.number, "Lovelace Ltd.", "$119.00"))
    month = page.context["months"][0].strftime("%Y-%m")
    assert client.get(f"/documents/statements/{month}.pdf").content.startswith(b"%PDF")
    stranger = client_of(builders.organisation("stranger"))
    for path in (f"/documents/{document.number}.pdf", f"/documents?before={document.number}"):
        assert stranger.get(path, **HTML).status_code == 404
    assert client.get("/documents/statements/2999-01.pdf", **HTML).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"vat_id": "FR12"}, "No VAT id of DE looks like that."),
        ({"country": "XX"}, "Select a valid choice."),
        ({"address": " \n "}, "This field is required."),
        ({"address": "x\n" * 7}, "One to six lines"),
        ({"email": "ada"}, "Enter a valid email address."),
    ],
)
def test_a_wrong_billing_address_is_explained(
    payer: Organisation, client_of: ClientOf, wrong: dict[str, str], message: str
) -> None:
    answer = client_of(payer).post("/documents/profile", PROFILE | wrong)
    assert (answer.status_code, message in answer.text) == (422, True)
    assert not BillingProfile.objects.filter(organisation=payer).exists()


OF_TRADERS = [
    ("get", "/wallet/deposit"),
    ("post", "/wallet/deposit"),
    ("post", "/wallet/cards/add"),
    ("post", "/wallet/cards/pm_1/prefer"),
    ("post", "/wallet/cards/pm_1/forget"),
    ("post", "/wallet/top-up"),
    ("post", "/wallet/top-up/end"),
    ("get", "/documents/profile"),
    ("post", "/documents/profile"),
]
OF_OWNERS = [("get", "/wallet/refund"), ("post", "/wallet/refund")]
OF_MEMBERS = [
    "/wallet",
    "/wallet/cards",
    "/wallet/statement",
    "/documents",
    "/wallet/by-card/deposits",
    "/wallet/by-card/refunds",
]


@pytest.mark.parametrize("path", OF_MEMBERS)
def test_a_viewer_sees_the_money(
    double: StripeDouble, payer: Organisation, client_of: ClientOf, path: str
) -> None:
    answer = client_of(payer, Member.Role.VIEWER).get(path)
    assert answer.status_code == 200
    assert ('/wallet/deposit"' in answer.text, '/wallet/refund"' in answer.text) == (False, False)


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        *((Member.Role.VIEWER, *address) for address in OF_TRADERS + OF_OWNERS),
        *((Member.Role.TRADER, *address) for address in OF_OWNERS),
    ],
)
def test_what_a_role_may_not_is_refused(
    payer: Organisation, client_of: ClientOf, role: Member.Role, method: str, path: str
) -> None:
    answer = getattr(client_of(payer, role), method)(path, **HTML)
    assert (answer.status_code, "Not allowed" in answer.text) == (403, True)


def test_anothers_deposit_is_not_found(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    deposit = paid(double, payer.id)
    stranger = client_of(builders.organisation("stranger"))
    for path in (
        f"/wallet/deposits/{public_id('deposit', deposit.id)}",
        "/wallet/deposits/dep_1",
        "/wallet/by-card/all",
    ):
        assert stranger.get(path, **HTML).status_code == 404


def test_a_dispute_and_what_is_owed_for_it_are_told(
    double: StripeDouble, payer: Organisation, client_of: ClientOf
) -> None:
    deposit = pay_in(double, payer.id, 100)
    earn(builders.organisation("provider").id, payer.id, 100 * USD)
    opened(double, deposit)
    client = client_of(payer)
    page = client.get("/wallet")
    (dispute,) = page.context["page"].disputes
    owed = page.context["page"].figures.debt
    assert (dispute.status, dispute.withdrawn_nano_usd) == ("open", 100 * USD)
    assert (f"{format_usd(owed)} is owed for disputed payments." in page.text, owed >= 15 * USD) == (
        True,
        True,
    )
    quote = client.post("/wallet/deposit/quote", pay()).context
    assert quote["repays"] == min(owed, 100 * USD)
    assert client.get("/wallet/by-card/disputes").context["rows"] == [dispute]
