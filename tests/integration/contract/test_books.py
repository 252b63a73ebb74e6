"""Settlement and sequencer stay out of each other's way; verification names what breaks the contract."""

import pytest
from django.db import connection, connections, transaction

from billing.ledger.chart import Kind, of_organisation
from billing.models import Balance
from billing.selectors.verify import verify
from core.clock import utc_now
from core.ids import new_id
from exchange.services.entitlement_draw import entitlement_draw
from exchange.services.entitlement_expire import entitlement_expire
from tests import builders
from tests.integration.contract.books import FEES, buy, offer, reserve
from tests.sequencer_market import make_market


def test_a_trade_does_not_wait_for_an_open_settlement(exchange):
    market = make_market(**FEES, window_s=1_200)
    _, ended = buy(market, 1_999, 2), buy(market, 1_999, 2)
    parts = reserve(market, 100)
    offer(market, market.seller, 1_999, 2)
    with transaction.atomic():
        entitlement_draw(
            job_id=new_id(), parts=parts, used_ucu=50, hold_back_ppm=lambda _: 100_000, now=utc_now()
        )
        entitlement_expire(
            entitlement_id=ended.id, availability_ppm=500_000, hold_back_ppm=0, now=ended.ends_at
        )
        # The same buyer, provider and class trade while all that is uncommitted.
        assert market.buy(1_999, 2).body["status"] == "filled"


def test_a_settlement_does_not_wait_for_an_open_batch(exchange):
    market = make_market(**FEES, window_s=1_200)
    _, ended = buy(market, 1_999, 2), buy(market, 1_999, 2)
    parts = reserve(market, 100)
    wallets = [
        of_organisation(Kind.WALLET, who.id).id for who in (market.buyer, market.seller, builders.house())
    ]
    with transaction.atomic(using="owner"):
        # What a batch has locked when it trades: wallets. Its other rows are new, or have no limit.
        list(Balance.objects.using("owner").select_for_update().filter(account_id__in=wallets))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            entitlement_draw(
                job_id=new_id(), parts=parts, used_ucu=50, hold_back_ppm=lambda _: 0, now=utc_now()
            )
            split = entitlement_expire(
                entitlement_id=ended.id, availability_ppm=500_000, hold_back_ppm=0, now=ended.ends_at
            )
    assert split is not None


FAULTS = [
    (
        "escrow_follows_use",
        "UPDATE exchange_entitlement SET escrow_nano_usd = escrow_nano_usd + 1 WHERE id = %s",
    ),
    ("expired_is_empty", "UPDATE exchange_entitlement SET state = 'expired' WHERE id = %s"),
    (
        "deferred_fees_follow_use",
        "UPDATE exchange_entitlement SET fee_nano_usd = fee_nano_usd + 1 WHERE id = %s",
    ),
    (
        "entitlements_are_the_trade",
        "UPDATE exchange_entitlement SET quantity_ucu = quantity_ucu + 1 WHERE id = %s",
    ),
    (
        "orders_are_their_trades",
        "UPDATE exchange_order SET cumulative_lots = cumulative_lots + 1 WHERE id ="
        " (SELECT buy_order_id FROM exchange_trade t JOIN exchange_entitlement e ON e.trade_id = t.id"
        " WHERE e.id = %s)",
    ),
    *(
        (
            "order_names_its_parties",
            f"UPDATE exchange_order SET {column} = gen_random_uuid() WHERE id ="
            " (SELECT buy_order_id FROM exchange_trade t JOIN exchange_entitlement e ON e.trade_id = t.id"
            " WHERE e.id = %s)",
        )
        for column in ("instrument_id", "organisation_id", "beneficiary_id")
    ),
    *(
        (
            "trade_names_its_orders",
            "ALTER TABLE exchange_trade DISABLE TRIGGER exchange_trade_append_only;"
            f"UPDATE exchange_trade SET {column} = {value} WHERE id ="
            " (SELECT trade_id FROM exchange_entitlement WHERE id = %s)",
        )
        for column, value in (
            ("buy_order_id", "gen_random_uuid()"),
            ("sell_order_id", "gen_random_uuid()"),
            ("buy_order_id", "sell_order_id"),
        )
    ),
]


@pytest.mark.parametrize(("rule", "fault"), FAULTS, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(FAULTS)])
def test_verification_names_what_breaks_the_contract(exchange, rule, fault):
    row = buy(make_market(**FEES))
    with transaction.atomic(), connection.cursor() as cursor:
        assert {finding.broken for finding in verify(cursor)} == {None}
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(fault, [row.id])
        broken = {finding.name: finding.broken for finding in verify(cursor) if finding.broken}
        transaction.set_rollback(True, using="owner")
    assert rule in broken


@pytest.mark.parametrize(
    ("lots", "share", "tif"),
    [(2, 150, "GTC"), (2, 100, "FOK"), (2, 201, "FOK"), (1, 0, "IOC"), (1, -5, "IOC")],
)
def test_a_beneficiarys_share_ends_in_the_last_lot_of_an_order_that_does_not_rest(exchange, lots, share, tif):
    market = make_market()
    offer(market, market.seller, 2_000, 5)
    before = market.rows()
    refused = market.buy(2_000, lots, tif=tif, beneficiary_ucu=share)
    assert (refused.status, refused.body["error"]["code"]) == (400, "invalid_field")
    assert market.rows() == before


def test_a_share_that_is_bought_in_part_stays_within_what_was_bought(exchange):
    market = make_market()
    friend = builders.organisation("friend")
    offer(market, market.seller, 2_000, 2)
    bought = market.buy(2_000, 4, tif="IOC", beneficiary_id=friend.id, beneficiary_ucu=333)
    assert bought.body["cumulative_lots"] == 2
    (row,) = market.rows()["entitlements"]
    assert (row["holder_id"], row["quantity_ucu"], row["escrow_nano_usd"]) == (friend.id, 200, 4_000_000)
