"""What a trade posts, by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from billing.ledger.chart import Kind, of_entitlement, of_house, of_organisation
from exchange.sequencer.money import Trade
from tests.unit.sequencer.test_risk import instrument

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TRADE = Trade(
    id=UUID(int=10),
    entitlement_ids=(UUID(int=11), UUID(int=17)),
    instrument=instrument(),
    sequence=1,
    price_ticks=2_000,
    quantity_lots=40,
    taker_is_buyer=True,
    buyer_id=UUID(int=12),
    holder_id=UUID(int=13),
    held_ucu=4_000,
    seller_id=UUID(int=14),
    buy_order_id=UUID(int=15),
    sell_order_id=UUID(int=16),
    traded_at=NOW,
    buyer_fee_ppm=1_000,
    seller_fee_ppm=500,
)


def test_buyer_and_seller_pay_their_own_fee():
    assert (TRADE.buyer_fee_nano_usd, TRADE.seller_fee_nano_usd) == (80_000, 40_000)
    assert TRADE.paid_nano_usd == 80_000_000 + 80_000
    assert TRADE.escrow_nano_usd == 80_000_000 - 40_000
    assert TRADE.escrow_nano_usd + TRADE.fees_nano_usd == TRADE.paid_nano_usd


def test_entry_moves_price_fees_and_compute():
    entry = TRADE.entry()
    wallet = of_organisation(Kind.WALLET, TRADE.buyer_id)
    ours = [of_entitlement(kind, UUID(int=11), "c") for kind in (Kind.ESCROW, Kind.ISSUE, Kind.ENTITLEMENT)]
    assert [(leg.debit, leg.credit, leg.amount) for leg in entry.legs] == [
        (wallet, ours[0], 79_960_000),
        (wallet, of_house(Kind.DEFERRED_FEES), 120_000),
        (ours[1], ours[2], 4_000),
    ]
    assert (entry.key, entry.event_at) == (f"trade:{TRADE.id}", NOW)
    assert TRADE.ends_at == NOW + timedelta(days=1)


def test_what_the_beneficiary_does_not_get_of_the_last_lot_is_the_buyers():
    shared = replace(TRADE, held_ucu=3_933)
    assert [
        (each.holder_id, each.quantity_ucu, each.escrow_nano_usd, each.fees_nano_usd)
        for each in shared.holdings
    ] == [(UUID(int=13), 3_933, 78_620_670, 117_990), (UUID(int=12), 67, 1_339_330, 2_010)]
    assert [leg.amount for leg in shared.entry().legs] == [78_620_670, 1_339_330, 120_000, 3_933, 67]


def test_entry_without_fees_has_no_fee_leg():
    free = replace(TRADE, buyer_fee_ppm=0, seller_fee_ppm=0)
    assert [leg.amount for leg in free.entry().legs] == [80_000_000, 4_000]


@pytest.mark.parametrize(("lots", "fee"), [(1, 0), (2, 1), (3, 2), (5, 2), (7, 4)])
def test_fee_rounds_half_to_even(lots, fee):
    tiny = replace(TRADE, buyer_fee_ppm=500, price_ticks=1, quantity_lots=lots)
    assert tiny.buyer_fee_nano_usd == fee
