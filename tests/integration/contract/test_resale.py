"""Selling compute on: what moves, what comes back, what is refused."""

from datetime import timedelta

import pytest

from billing.ledger.chart import Kind
from billing.selectors.balances import balances
from core.clock import rfc3339, utc_now
from core.errors import Code, CuxError
from core.money import share_released
from exchange.models import Entitlement, Order, Trade
from exchange.selectors.resale import resale_list
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Lodge, SetAccount
from exchange.services.entitlement_lodge import entitlement_lodge
from exchange.services.entitlement_sell import entitlement_sell
from tests.integration.contract.books import (
    FEES,
    Books,
    at_once,
    buy,
    drain,
    draw,
    entitlement_figures,
    refusal_of,
    reserve,
)
from tests.integration.contract.resale import an_offer, another_buyer, buy_on, holdings, sell_on
from tests.sequencer_market import make_market, wallet


@pytest.fixture
def market(exchange):
    """A market beside which nothing waits in the outbox."""
    drain()
    return make_market(**FEES)


def part_of(row: Entitlement) -> Entitlement:
    return Entitlement.objects.select_related("instrument").get(origin=row)


def test_an_offer_splits_exact_shares_off_and_nobody_draws_them(market):
    row = buy(market, 1_999, 13)
    draw(reserve(market, 101), 101)
    n, f, q = row.escrow_nano_usd, row.fee_nano_usd, 1_300
    before = entitlement_figures(row)
    verdict = sell_on(row, 2_100, 7)
    assert (verdict.status, verdict.body["status"], verdict.body["leaves_lots"]) == (201, "open", 7)
    part = part_of(row)
    assert (part.state, part.quantity_ucu, part.ends_at, part.provider_id) == (
        "lodged",
        700,
        row.ends_at,
        market.seller.id,
    )
    shares = (share_released(n, 101, 801, q), share_released(f, 101, 801, q))
    assert (part.escrow_nano_usd, part.fee_nano_usd) == shares
    assert entitlement_figures(part) == (700, 0, -700, shares[0])
    assert entitlement_figures(row) == (before[0] - 700, 0, before[2] + 700, before[3] - shares[0])
    assert refusal_of(lambda: reserve(market, 500)) is Code.INSUFFICIENT_ENTITLEMENT
    assert len(reserve(market, 499)) == 1


def test_a_sale_pays_the_reseller_at_once_and_passes_issuer_window_and_shares_on(market):
    row = buy(market, 1_999, 13)
    sell_on(row, 2_100, 7)
    part, second = part_of(row), another_buyer()
    books, before = Books(market), wallet(second)
    verdict = buy_on(market, second, 2_100, 3)
    assert verdict.body["status"] == "filled"
    price = 2_100 * 3 * 1_000
    buyer_fee, reseller_fee = 7_119, 2_331  # 1,130 and 370 ppm
    assert wallet(second) == (before[0] - price - buyer_fee, 0)
    assert books.changes() == {
        "buyer_wallet": price - reseller_fee,
        "fee_income": buyer_fee + reseller_fee,
    }
    (got,) = holdings(second)
    assert (got.provider_id, got.ends_at, got.quantity_ucu, got.state) == (
        market.seller.id,
        row.ends_at,
        300,
        "live",
    )
    assert got.origin_id == part.id
    shares = (
        share_released(part.escrow_nano_usd, 0, 300, 700),
        share_released(part.fee_nano_usd, 0, 300, 700),
    )
    assert (got.escrow_nano_usd, got.fee_nano_usd) == shares
    assert entitlement_figures(got) == (300, 0, -300, shares[0])
    assert entitlement_figures(part) == (400, 0, -400, part.escrow_nano_usd - shares[0])
    trade = Trade.objects.get(id=got.trade_id)
    assert (trade.is_resale, trade.seller_fee_nano_usd, trade.buyer_fee_nano_usd) == (
        True,
        reseller_fee,
        buyer_fee,
    )
    drain()
    fees = buyer_fee + reseller_fee
    assert books.changes() == {
        "buyer_wallet": price - reseller_fee,
        "fee_income": fees - fees // 10 - fees // 20,
        "insurance": fees // 10,
        "public_access": fees // 20,
    }


def test_the_new_holder_draws_and_the_provider_is_paid_from_the_first_sale(market):
    row = buy(market, 1_999, 13)
    sell_on(row, 5_000, 13)
    second = another_buyer()
    buy_on(market, second, 5_000, 13)
    assert (part_of(row).state, entitlement_figures(part_of(row))) == ("sold", (0, 0, 0, 0))
    market.buyer, first = second, market.buyer
    books = Books(market)
    draw(reserve(market, 1_300), 1_300, hold_back_ppm=0)
    changed = books.changes()
    assert changed["earnings"] == row.escrow_nano_usd
    assert changed["deferred_fees"] == -row.fee_nano_usd
    assert Entitlement.objects.get(id=row.id).holder_id == first.id


def test_what_is_not_sold_comes_back_and_can_be_drawn_and_offered_again(market):
    row = buy(market, 1_999, 13)
    verdict = sell_on(row, 2_100, 7)
    buy_on(market, another_buyer(), 2_100, 2)
    assert market.cancel(market.buyer, verdict).body["status"] == "canceled"
    part = part_of(row)
    assert (part.state, entitlement_figures(part)[0]) == ("live", 500)
    assert len(reserve(market, 1_100)) == 2
    code = refusal_of(lambda: sell_on(part, 2_000, 5))  # of one of both 700 are reserved now, or 500
    assert code is Code.ENTITLEMENT_NOT_SELLABLE
    assert Entitlement.objects.filter(origin=part).count() == 1  # what the buyer got


def test_a_part_that_came_back_is_offered_again(market):
    row = buy(market, 1_999, 13)
    market.cancel(market.buyer, sell_on(row, 2_100, 7))
    assert sell_on(part_of(row), 2_200, 7).status == 201
    assert Order.objects.filter(organisation=market.buyer, side="sell", status="open").count() == 1


def test_offers_are_shown_with_the_end_of_their_window(market):
    row = buy(market, 1_999, 13)
    sell_on(row, 2_200, 5)
    sell_on(row, 2_100, 7)
    buy_on(market, another_buyer(), 2_100, 2)
    shown = resale_list(symbol=market.instrument.symbol)
    assert [(each.price_ticks, each.quantity_lots, each.window_ends_at) for each in shown] == [
        (2_100, 5, rfc3339(row.ends_at)),
        (2_200, 5, rfc3339(row.ends_at)),
    ]


def test_ordinary_buyers_do_not_meet_resales_nor_do_those_who_need_longer(market):
    row = buy(market, 1_999, 13)
    sell_on(row, 1_000, 13)
    second = another_buyer()
    assert market.order(second, "buy", 2_000, 5, tif="IOC").body["cumulative_lots"] == 0
    assert buy_on(market, second, 2_000, 5, window_s=86_400).body["cumulative_lots"] == 0
    assert buy_on(market, second, 2_000, 5, window_s=80_000).body["cumulative_lots"] == 5
    assert market.order(second, "buy", 2_000, 5).body["status"] == "open"  # it rests beside the offer
    assert holdings(second)[0].quantity_ucu == 500


def test_a_retry_makes_one_part_and_one_order(market):
    row = buy(market, 1_999, 13)
    offer = an_offer(row, 2_100, 7, key="once")
    first = entitlement_sell(offer=offer, now=utc_now())
    assert entitlement_sell(offer=offer, now=utc_now()) == first
    drain()  # the outbox would have done it too
    assert Order.objects.filter(entitlement_id=offer.part_id).count() == 1
    assert Entitlement.objects.filter(origin=row).count() == 1
    other = an_offer(row, 2_100, 6, key="once")
    assert refusal_of(lambda: entitlement_sell(offer=other, now=utc_now())) is Code.IDEMPOTENCY_KEY_REUSED
    dearer = an_offer(row, 2_200, 7, key="once")
    assert entitlement_sell(offer=dearer, now=utc_now()).body["error"]["code"] == "idempotency_key_reused"
    assert part_of(row).state == "lodged"


def test_a_crash_after_the_split_is_made_good_by_the_outbox(market):
    row = buy(market, 1_999, 13)
    offer = an_offer(row, 2_100, 7)
    entitlement_lodge(offer=offer, now=utc_now())
    assert not Order.objects.filter(entitlement_id=offer.part_id).exists()
    drain()
    assert Order.objects.get(entitlement_id=offer.part_id).status == "open"


def test_what_the_sequencer_refuses_is_the_holders_again(market):
    row = buy(market, 1_999, 13)
    verdict = sell_on(row, 10_001, 7)
    assert verdict.body["error"]["code"] == "price_out_of_band"
    assert (part_of(row).state, part_of(row).quantity_ucu) == ("live", 700)
    submit_sync(SetAccount(organisation_id=market.buyer.id, is_blocked=True))
    assert sell_on(row, 2_000, 1).body["error"]["code"] == "account_blocked"
    assert {part.state for part in Entitlement.objects.filter(origin=row)} == {"live"}
    assert len(reserve(market, 1_300)) == 3


@pytest.mark.parametrize("lots", [0, -1, 14])
def test_no_more_than_is_free_is_offered(market, lots):
    row = buy(market, 1_999, 13)
    before = entitlement_figures(row)
    assert refusal_of(lambda: sell_on(row, 2_000, lots)) is Code.ENTITLEMENT_NOT_SELLABLE
    assert entitlement_figures(row) == before
    assert not Entitlement.objects.filter(origin=row).exists()


def test_what_is_offered_at_once_is_offered_once(market):
    row = buy(market, 1_999, 13)
    results = at_once([lambda: sell_on(row, 2_000, 7), lambda: sell_on(row, 2_000, 7)])
    refused = [result for result in results if isinstance(result, CuxError)]
    assert [error.code for error in refused] == [Code.ENTITLEMENT_NOT_SELLABLE]
    assert part_of(row).quantity_ucu == 700


def test_offering_and_reserving_at_once_share_what_there_is(market):
    row = buy(market, 1_999, 13)
    results = at_once([lambda: sell_on(row, 2_000, 7), lambda: reserve(market, 700)])
    refused = {error.code for error in results if isinstance(error, CuxError)}
    assert refused < {Code.ENTITLEMENT_NOT_SELLABLE, Code.INSUFFICIENT_ENTITLEMENT}
    assert len(refused) == 1


def test_reserved_or_nearly_ended_compute_and_others_is_not_offered(market):
    row = buy(market, 1_999, 13)
    reserve(market, 650)
    assert refusal_of(lambda: sell_on(row, 2_000, 7)) is Code.ENTITLEMENT_NOT_SELLABLE
    late = row.ends_at - timedelta(minutes=5)
    offer = an_offer(row, 2_000, 6)
    assert refusal_of(lambda: entitlement_sell(offer=offer, now=late)) is Code.ENTITLEMENT_NOT_SELLABLE
    row.holder_id = another_buyer().id
    assert refusal_of(lambda: sell_on(row, 2_000, 6)) is Code.NOT_FOUND
    assert not Entitlement.objects.filter(origin=row).exists()


def test_an_offer_ends_five_minutes_before_the_compute_does(market):
    row = buy(market, 1_999, 13)
    verdict = sell_on(row, 2_100, 7)
    order = Order.objects.get(entitlement_id=part_of(row).id)
    assert order.expires_at == (row.ends_at - timedelta(minutes=5)).replace(microsecond=0)
    too_long = int(row.ends_at.timestamp())
    refused = sell_on(row, 2_100, 6, expires_at=too_long)
    assert refused.body["error"]["param"] == "expires_at"
    assert market.replace(market.buyer, verdict, 2_000, 7).body["error"]["code"] == "invalid_field"


def test_what_is_in_an_offer_is_not_offered_twice(market):
    row = buy(market, 1_999, 13)
    sell_on(row, 2_100, 7)
    part = part_of(row)
    again = Lodge(
        organisation_id=market.buyer.id,
        entitlement_id=part.id,
        instrument=market.instrument.symbol,
        price_ticks=2_000,
        quantity_lots=7,
        key="again",
    )
    assert submit_sync(again).body["error"]["code"] == "entitlement_not_sellable"
    assert Order.objects.filter(entitlement_id=part.id).count() == 1
    assert part_of(row).state == "lodged"


def test_escrow_and_fees_are_whole_after_everything(market):
    row = buy(market, 1_999, 13)
    sell_on(row, 2_100, 7)
    second = another_buyer()
    buy_on(market, second, 2_100, 3)
    parts = [row, part_of(row), *holdings(second)]
    escrow = balances([each.account(Kind.ESCROW) for each in parts])
    assert sum(balance.posted for balance in escrow.values()) == row.escrow_nano_usd
