"""A trade, to the nano-dollar: wallets, holds, escrow, fees, compute and rows."""

from billing.ledger.chart import Kind, of_entitlement
from billing.models import Balance, Hold, Transfer
from exchange.models import Entitlement, Order, Trade
from tests.sequencer_market import make_market, wallet

FUNDS = 10_000_000_000


def posted(kind: Kind, entitlement: Entitlement) -> int:
    account = of_entitlement(kind, entitlement.id, entitlement.instrument.compute_class_id)
    return Balance.objects.get(account_id=account.id).posted


def test_trade_moves_price_and_fees_and_issues_compute(exchange):
    market = make_market(maker_fee_ppm=500, taker_fee_ppm=1_000)
    market.sell(2_000, 100)
    bought = market.buy(2_010, 40)

    assert bought.status == 201
    assert (bought.body["status"], bought.body["cumulative_lots"], bought.body["held_nano_usd"]) == (
        "filled",
        40,
        0,
    )
    assert bought.body["avg_price_nano_usd_per_lot"] == 2_000_000
    (trade,) = Trade.objects.filter(instrument=market.instrument)
    assert (trade.sequence, trade.price_ticks, trade.quantity_lots, trade.taker_side) == (1, 2_000, 40, "buy")
    assert (trade.notional_nano_usd, trade.buyer_fee_nano_usd, trade.seller_fee_nano_usd) == (
        80_000_000,
        80_000,
        40_000,
    )
    assert wallet(market.buyer) == (FUNDS - 80_080_000, 0)

    (entitlement,) = Entitlement.objects.filter(instrument=market.instrument)
    assert (entitlement.holder_id, entitlement.provider_id) == (market.buyer.id, market.seller.id)
    assert (entitlement.quantity_ucu, entitlement.escrow_nano_usd, entitlement.fee_nano_usd) == (
        4_000,
        79_960_000,
        120_000,
    )
    assert (entitlement.ends_at - entitlement.starts_at).total_seconds() == 86_400
    assert posted(Kind.ESCROW, entitlement) == 79_960_000
    assert posted(Kind.ENTITLEMENT, entitlement) == 4_000
    assert posted(Kind.ISSUE, entitlement) == -4_000
    assert Balance.objects.get(posted=-4_000, floor=-4_000, account__entitlement_id=entitlement.id)
    assert sorted(
        Transfer.objects.filter(entry__key=f"trade:{trade.id}").values_list("amount", flat=True)
    ) == [4_000, 120_000, 79_960_000]
    assert not Hold.objects.filter(account__organisation_id=market.buyer.id).exists()
    sell = Order.objects.get(organisation=market.seller)
    assert (sell.status, sell.leaves_lots, sell.cumulative_lots, sell.fee_nano_usd) == (
        "open",
        60,
        40,
        40_000,
    )
