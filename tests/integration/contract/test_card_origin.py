"""Card money on the market: what it buys is set aside with the provider, whoever sold it on."""

import threading
import uuid
from unittest import mock

import pytest
from django.db import connection, transaction

from billing.ledger.chart import Kind, of_organisation
from billing.models import CardLot, CardPassing, CardSpend
from billing.selectors.balances import balances
from billing.services import card_origins
from billing.services.card_lots import lot_open, lots_spend
from core.clock import utc_now
from exchange.models import Entitlement
from exchange.services.entitlement_expire import entitlement_expire
from tests.integration.contract.books import (
    FEES,
    HOLD_BACK_PPM,
    another_seller,
    at_once,
    buy,
    drain,
    draw,
    reserve,
)
from tests.integration.contract.resale import another_buyer, buy_on, holdings, sell_on
from tests.sequencer_market import make_market
from tests.waiting import eventually


@pytest.fixture
def market(exchange):
    """A market beside which nothing waits in the outbox."""
    drain()
    return make_market(**FEES)


@transaction.atomic
def card_money(who, amount: int) -> CardLot:
    """Have as much of an organisation's money be a card's."""
    payment = f"pi_{uuid.uuid4().hex}"
    lot_open(
        organisation_id=who.id,
        payment_intent_id=payment,
        amount_nano_usd=amount,
        card_fingerprint="",
        address_sha256="",
        now=utc_now(),
    )
    return CardLot.objects.get(payment_intent_id=payment)


def earnings(who) -> tuple[int, int]:
    """Return what a provider has, and what of it may be paid out."""
    account = of_organisation(Kind.EARNINGS, who.id)
    found = balances([account])[account]
    return found.posted, found.available


def lots_of(who, payment: CardLot) -> tuple[int, int] | None:
    """Return what an organisation got of a payment, and what it spent; None: nothing."""
    lots = CardLot.objects.filter(organisation=who, payment_intent_id=payment.payment_intent_id)
    return lots.values_list("amount_nano_usd", "spent_nano_usd").first()


def spend(payer, provider, amount: int) -> int:
    """Have a provider be paid; return what of it is set aside for card money."""
    with transaction.atomic():
        holds = lots_spend(
            payer_id=payer.id, provider_id=provider.id, earned=amount, held_back=0, now=utc_now()
        )
    return sum(hold.amount for hold in holds)


def sold_on(market, *, lots: int = 13) -> tuple[CardLot, int]:
    """Have another buyer pay the market's by card for compute sold on; nobody has heard of it yet.

    Return the card's lot, and what the reseller got.
    """
    second = another_buyer()
    lot = card_money(second, 2**40)
    sell_on(buy(market, 1_999, lots), 2_000, lots)
    buy_on(market, second, 2_000, lots)
    (passing,) = CardPassing.objects.filter(payer=second)
    assert (passing.receiver_id, lots_of(market.buyer, lot)) == (market.buyer.id, None)
    return lot, passing.amount_nano_usd


def left(lot: CardLot) -> int:
    lot.refresh_from_db()
    return lot.remaining_nano_usd


def test_what_a_settlement_pays_by_card_money_is_set_aside(market):
    lot = card_money(market.buyer, 1_000_000)
    buy(market, 1_999, 13)
    drawn = draw(reserve(market, 100), 100)
    assert drawn.earned_nano_usd + drawn.held_back_nano_usd > 1_000_000
    assert earnings(market.seller) == (drawn.earned_nano_usd, 0)
    (noted,) = CardSpend.objects.filter(lot=lot)
    assert noted.earned_nano_usd == drawn.earned_nano_usd
    assert noted.held_back_nano_usd == 1_000_000 - drawn.earned_nano_usd
    assert left(lot) == 0
    other = draw(reserve(market, 100), 100)
    assert earnings(market.seller)[1] == other.earned_nano_usd


def test_what_expiry_pays_by_card_money_is_set_aside(market):
    lot = card_money(market.buyer, 10_000_000_000)
    row = buy(market, 1_999, 13)
    split = entitlement_expire(
        entitlement_id=row.id, availability_ppm=500_000, hold_back_ppm=HOLD_BACK_PPM, now=row.ends_at
    )
    assert split is not None
    assert left(lot) == 10_000_000_000 - split.provider_nano_usd
    assert earnings(market.seller) == (split.provider_nano_usd - split.provider_nano_usd // 2, 0)


def test_the_price_of_compute_sold_on_stays_card_money_and_the_first_buyers_pays_the_provider(market):
    second = another_buyer()
    first_lot, second_lot = card_money(market.buyer, 2**40), card_money(second, 2**40)
    row = buy(market, 1_999, 13)
    sell_on(row, 2_000, 13)
    (trade,) = buy_on(market, second, 2_000, 13).body["trades"]
    drain()
    drain()  # told twice
    price = 13 * 2_000 * 1_000 - trade["fee_nano_usd"]
    passed = CardLot.objects.get(payment_intent_id=second_lot.payment_intent_id, organisation=market.buyer)
    fee = 13 * 2_000 * 1_000 - passed.amount_nano_usd
    assert 0 < fee < price // 100  # the reseller's own
    assert left(second_lot) == 2**40 - passed.amount_nano_usd
    (got,) = holdings(second)
    split = entitlement_expire(
        entitlement_id=got.id, availability_ppm=500_000, hold_back_ppm=0, now=got.ends_at
    )
    assert split is not None
    assert earnings(market.seller) == (split.provider_nano_usd, 0)
    back = CardLot.objects.get(payment_intent_id=first_lot.payment_intent_id, organisation=second)
    assert back.amount_nano_usd == split.buyer_nano_usd
    assert left(first_lot) == 2**40 - split.provider_nano_usd - split.buyer_nano_usd
    assert Entitlement.objects.get(id=got.id).state == "expired"


def test_what_a_reseller_spends_at_once_is_card_money(market):
    lot, got = sold_on(market)
    other = another_seller(market)
    buy(market, 1_999, 13, other)
    drawn = draw(reserve(market, 100, other), 100, hold_back_ppm=0)
    assert 0 < drawn.earned_nano_usd < got
    assert earnings(other) == (drawn.earned_nano_usd, 0)
    assert lots_of(market.buyer, lot) == (got, drawn.earned_nano_usd)
    drain()  # told afterwards, it does not happen again
    assert lots_of(market.buyer, lot) == (got, drawn.earned_nano_usd)
    assert left(lot) == 2**40 - got


def test_money_that_went_on_twice_is_the_first_ones_card_money(market):
    lot, got = sold_on(market)
    third, provider = another_buyer(), another_buyer()
    with transaction.atomic():
        CardPassing.objects.create(payer=market.buyer, receiver=third, amount_nano_usd=got)
    CardPassing.objects.create(payer=another_buyer(), receiver=another_buyer(), amount_nano_usd=1)
    assert spend(third, provider, got + 5) == got
    assert (lots_of(market.buyer, lot), lots_of(third, lot)) == ((got, 0), (got, got))
    assert CardPassing.objects.get().amount_nano_usd == 1, "of others, nothing was touched"


def test_who_spends_while_the_origin_follows_waits_for_it(market):
    """Another is in the middle of it: whoever comes now sees what became of that, and does it not again."""
    lot, got = sold_on(market)
    provider = another_buyer()
    is_within, may_go, real = threading.Event(), threading.Event(), card_origins.lots_move

    def slow(**moved) -> None:
        is_within.set()
        assert may_go.wait(20)
        real(**moved)

    spent = []

    def second() -> None:
        assert is_within.wait(20)
        spent.append(spend(market.buyer, provider, got + 5))

    def release() -> None:
        assert is_within.wait(20)
        eventually(lambda: _waiting_for_passings() == 1)
        assert not spent
        may_go.set()

    with mock.patch.object(card_origins, "lots_move", slow):
        at_once([lambda: spend(market.buyer, provider, 7), second, release])
    assert spent == [got - 7]
    assert (lots_of(market.buyer, lot), left(lot)) == ((got, got), 2**40 - got)


def test_many_at_once_spend_what_was_passed_on_exactly_once(market):
    sold = [sold_on(market, lots=lots) for lots in (3, 4, 6)]
    provider, total = another_buyer(), sum(got for _, got in sold)
    part = total // 7
    held = at_once([*[lambda: spend(market.buyer, provider, part)] * 8, lambda: drain() and 0])
    assert sum(filter(None, held)) == total
    assert [lots_of(market.buyer, lot) for lot, _ in sold] == [(got, got) for _, got in sold]
    assert [left(lot) for lot, _ in sold] == [2**40 - got for _, got in sold]


def _waiting_for_passings() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND query LIKE '%%billing_cardpassing%%' AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]
