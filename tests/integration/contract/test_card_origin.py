"""Card money on the market: what it buys is set aside with the provider, whoever sold it on."""

import uuid

import pytest

from billing.ledger.chart import Kind, of_organisation
from billing.models import CardLot, CardSpend
from billing.selectors.balances import balances
from billing.services.card_lots import lot_open
from core.clock import utc_now
from exchange.models import Entitlement
from exchange.services.entitlement_expire import entitlement_expire
from tests.integration.contract.books import FEES, HOLD_BACK_PPM, buy, drain, draw, reserve
from tests.integration.contract.resale import another_buyer, buy_on, holdings, sell_on
from tests.sequencer_market import make_market


@pytest.fixture
def market(exchange):
    """A market beside which nothing waits in the outbox."""
    drain()
    return make_market(**FEES)


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
