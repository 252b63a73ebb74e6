"""Card money: how long it is at risk, which is spent first, where it goes, what it sets aside."""

import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import Organisation
from billing.ledger.chart import Kind, of_organisation
from billing.models import CardLot, CardPassing, CardSpend
from billing.services.card_lots import lot_open, lot_restore, lot_return, lots_pass_on, lots_spend
from core.clock import utc_now
from tests import builders
from tests.database import refused_by_database
from tests.integration.billing.books import CASH, balance, entry, post

pytestmark = pytest.mark.usefixtures("db")
NOW = utc_now()
DAY = timedelta(days=1)
WEEK = timedelta(seconds=settings.CARD_RISK_S)
MONTH = timedelta(seconds=settings.NEW_CARD_RISK_S)


@transaction.atomic
def lot(who: Organisation, amount: int, *, card: str = "", at=NOW, payment: str = "") -> CardLot:
    """Open a lot and return it."""
    name = payment or f"pi_{uuid.uuid4().hex}"
    lot_open(
        organisation_id=who.id,
        payment_intent_id=name,
        amount_nano_usd=amount,
        card_fingerprint=card,
        address_sha256="",
        now=at,
    )
    return CardLot.objects.get(payment_intent_id=name, organisation=who)


def spend(payer: Organisation, provider: Organisation, earned: int, held_back: int = 0):
    """Pay a provider, with the holds that go with it; return them as (amount, ref, until)."""
    with transaction.atomic():
        holds = lots_spend(
            payer_id=payer.id, provider_id=provider.id, earned=earned, held_back=held_back, now=NOW
        )
    legs = [(CASH, of_organisation(Kind.EARNINGS, provider.id), earned)] if earned else []
    legs += [(CASH, of_organisation(Kind.HOLD_BACK, provider.id), held_back)] if held_back else []
    post(entry(*legs), placements=tuple(holds))
    return [(hold.amount, hold.ref, hold.expires_at) for hold in holds]


@transaction.atomic
def pass_on(first: Organisation, second: Organisation, amount: int) -> None:
    lots_pass_on(from_id=first.id, to_id=second.id, amount_nano_usd=amount)


@transaction.atomic
def give_back(row: CardLot, amount: int) -> int:
    ids = {"organisation_id": row.organisation_id, "payment_intent_id": row.payment_intent_id}
    return lot_return(**ids, amount_nano_usd=amount)


def figures(row: CardLot) -> tuple[int, int, int, int]:
    """Return what came in, was spent, passed on and returned."""
    row.refresh_from_db()
    return row.amount_nano_usd, row.spent_nano_usd, row.passed_on_nano_usd, row.returned_nano_usd


def test_a_known_card_is_at_risk_for_a_week_and_a_new_one_for_a_month():
    who, card = builders.organisation(), builders.unique("card")
    first = lot(who, 1, card=card, at=NOW - MONTH)
    assert first.at_risk_until == NOW
    assert lot(who, 1, card=card).at_risk_until == NOW + WEEK
    younger = builders.unique("card")
    lot(who, 1, card=younger, at=NOW - MONTH + timedelta(seconds=1))
    assert lot(who, 1, card=younger).at_risk_until == NOW + MONTH
    assert lot(who, 1).at_risk_until == NOW + MONTH  # nobody can tell which card it was
    assert lot(who, 1).at_risk_until == NOW + MONTH


def test_a_deposit_opens_one_lot_however_often_it_is_told():
    who = builders.organisation()
    first = lot(who, 100, payment=f"pi_{uuid.uuid4().hex}")
    assert lot(who, 999, payment=first.payment_intent_id).amount_nano_usd == 100


def test_the_oldest_card_money_is_spent_first_and_sets_earnings_aside():
    payer, provider = builders.organisation(), builders.organisation()
    old, young = lot(payer, 60, at=NOW - DAY), lot(payer, 50)
    assert spend(payer, provider, earned=100) == [
        (60, f"deposit:{old.payment_intent_id}", old.at_risk_until),
        (40, f"deposit:{young.payment_intent_id}", young.at_risk_until),
    ]
    assert (figures(old), figures(young)) == ((60, 60, 0, 0), (50, 40, 0, 0))
    assert balance(of_organisation(Kind.EARNINGS, provider.id)) == (100, 100)
    assert spend(payer, provider, earned=100) == [
        (10, f"deposit:{young.payment_intent_id}", young.at_risk_until)
    ]
    assert balance(of_organisation(Kind.EARNINGS, provider.id)) == (200, 110)
    assert spend(payer, provider, earned=5) == []


def test_earnings_are_set_aside_before_hold_back_and_both_are_noted_by_provider():
    payer, provider = builders.organisation(), builders.organisation()
    row = lot(payer, 120)
    assert [amount for amount, *_ in spend(payer, provider, earned=70, held_back=30)] == [70]
    assert [amount for amount, *_ in spend(payer, provider, earned=10, held_back=30)] == [10]
    (noted,) = CardSpend.objects.filter(lot=row)
    assert (noted.provider_id, noted.earned_nano_usd, noted.held_back_nano_usd) == (provider.id, 80, 40)
    assert figures(row) == (120, 120, 0, 0)


def test_money_no_longer_at_risk_is_spent_in_turn_and_sets_nothing_aside():
    payer, provider, card = builders.organisation(), builders.organisation(), builders.unique("card")
    old, young = lot(payer, 30, card=card, at=NOW - MONTH), lot(payer, 30, card=card)
    assert spend(payer, provider, earned=40) == [(10, f"deposit:{young.payment_intent_id}", NOW + WEEK)]
    assert (figures(old), figures(young)) == ((30, 30, 0, 0), (30, 10, 0, 0))


def test_money_that_came_by_no_card_is_not_set_aside():
    payer, provider = builders.organisation(), builders.organisation()
    assert spend(payer, provider, earned=100) == []
    assert not CardSpend.objects.filter(provider=provider).exists()


def test_the_origin_of_money_follows_it_to_another_organisation_and_back():
    first, second, provider = (builders.organisation() for _ in range(3))
    row = lot(first, 100)
    pass_on(first, second, 70)
    passed = CardLot.objects.get(organisation=second)
    assert (passed.payment_intent_id, passed.deposited_at) == (row.payment_intent_id, NOW)
    assert (figures(row), figures(passed)) == ((100, 0, 70, 0), (70, 0, 0, 0))
    assert spend(second, provider, earned=100) == [
        (70, f"deposit:{row.payment_intent_id}", row.at_risk_until)
    ]
    pass_on(second, first, 5)  # nothing is left of it
    pass_on(first, first, 5)
    assert (figures(row), figures(passed)) == ((100, 0, 70, 0), (70, 70, 0, 0))
    pass_on(first, second, 99)
    assert (figures(row), figures(passed)) == ((100, 0, 100, 0), (100, 70, 0, 0))


def test_what_goes_back_to_the_card_is_not_spent_any_more():
    payer, provider = builders.organisation(), builders.organisation()
    row = lot(payer, 100)
    spend(payer, provider, earned=30)
    assert give_back(row, 50) == 50
    assert give_back(row, 50) == 20
    assert spend(payer, provider, earned=10) == []
    asked = {"organisation_id": payer.id, "payment_intent_id": row.payment_intent_id}
    lot_restore(**asked, amount_nano_usd=20)
    assert figures(row) == (100, 30, 0, 50)
    row.payment_intent_id = "pi_unknown"
    assert give_back(row, 5) == 0


@pytest.mark.parametrize(
    ("change", "sqlstate"),
    [
        ("spent_nano_usd = 101", "23514"),
        ("spent_nano_usd = 50, passed_on_nano_usd = 51", "23514"),
        ("returned_nano_usd = -1", "23514"),
        ("at_risk_until = at_risk_until - interval '1 s'", "CX004"),
        ("card_fingerprint = 'another'", "42501"),
        ("payment_intent_id = 'pi_other'", "42501"),
    ],
)
def test_a_lot_cannot_be_overspent_nor_its_origin_changed(change, sqlstate):
    row = lot(builders.organisation(), 100)
    sql = f"UPDATE billing_cardlot SET {change} WHERE id = %s"
    assert refused_by_database("default", sql, row.id) == sqlstate
    assert figures(row) == (100, 0, 0, 0)


@pytest.mark.parametrize("table", ["cardlot", "cardspend"])
def test_what_card_money_did_is_not_forgotten(table):
    assert refused_by_database("default", f"DELETE FROM billing_{table} WHERE false") == "42501"


def test_no_more_matures_than_was_held_back():
    payer, provider = builders.organisation(), builders.organisation()
    row = lot(payer, 100)
    spend(payer, provider, earned=30, held_back=30)
    with pytest.raises(IntegrityError), transaction.atomic():
        CardSpend.objects.filter(lot=row).update(matured_nano_usd=20, taken_nano_usd=11)


def sold_on(buyer: Organisation, seller: Organisation, amount: int) -> None:
    """Note what the sequencer notes of compute sold on."""
    CardPassing.objects.create(payer=buyer, receiver=seller, amount_nano_usd=amount)


def test_what_was_sold_on_takes_no_card_money_that_came_after_it():
    buyer, seller, provider = (builders.organisation() for _ in range(3))
    sold_on(buyer, seller, 100)
    row = lot(buyer, 100)
    assert [amount for amount, _, _ in spend(buyer, provider, 100)] == [100]
    row.refresh_from_db()
    assert (row.spent_nano_usd, row.passed_on_nano_usd) == (100, 0)
    assert not CardLot.objects.filter(organisation=seller).exists()


def test_what_was_sold_on_takes_no_card_money_that_was_away_then():
    buyer, seller = builders.organisation(), builders.organisation()
    row = lot(buyer, 100)
    assert give_back(row, 100) == 100
    sold_on(buyer, seller, 100)
    with transaction.atomic():
        lot_restore(organisation_id=buyer.id, payment_intent_id=row.payment_intent_id, amount_nano_usd=100)
    pass_on(buyer, seller, 30)
    row.refresh_from_db()
    assert (row.returned_nano_usd, row.passed_on_nano_usd) == (0, 30)
