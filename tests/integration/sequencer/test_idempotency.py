"""The same key gives the same answer once and for all; another body under it gives 409."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from exchange.models import Order
from exchange.sequencer.client import close, submit, submit_sync
from exchange.sequencer.protocol import Fund, NewOrder, Verdict
from exchange.services.wallet_fund import wallet_fund
from tests.sequencer_market import journal, make_market, wallet

FUNDS = 10_000_000_000


def test_64_parallel_identical_orders_are_one(exchange):
    market = make_market()
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda _: market.buy(1_000, 7, key="one"), range(64)))
    assert {answer.status for answer in answers} == {201}
    assert all(answer.body == answers[0].body for answer in answers)
    assert Order.objects.filter(organisation=market.buyer).count() == 1
    assert wallet(market.buyer) == (FUNDS, 7_000_000)


def test_one_connection_carries_many_commands(exchange):
    market = make_market()
    command = NewOrder(
        organisation_id=market.buyer.id,
        instrument=market.instrument.symbol,
        side="buy",
        price_ticks=1_000,
        quantity_lots=1,
    )

    async def together() -> list[Verdict]:
        try:
            return await asyncio.gather(*(submit(command) for _ in range(100)))
        finally:
            await close()

    answers = asyncio.run(together())
    assert len({answer.body["order_id"] for answer in answers}) == 100
    assert wallet(market.buyer) == (FUNDS, 100_000_000)


def test_another_body_under_a_key_is_refused_and_moves_nothing(exchange):
    market = make_market()
    market.buy(1_000, 1, key="k")
    before = market.rows()
    refused = market.buy(1_000, 2, key="k")
    assert (refused.status, refused.body["error"]["code"]) == (409, "idempotency_key_reused")
    assert market.rows() == before


def test_another_order_under_a_client_order_id_is_refused_by_that_name(exchange):
    market = make_market()
    first = market.buy(1_000, 1, client_order_id="mine")
    assert market.buy(1_000, 1, client_order_id="mine").body == first.body
    before = market.rows()
    for other in (
        market.buy(1_000, 2, client_order_id="mine"),
        market.buy(1_000, 1, client_order_id="mine", key="k"),
    ):
        error = other.body["error"]
        assert (other.status, error["code"], error["param"]) == (
            409,
            "duplicate_client_order_id",
            "client_order_id",
        )
    assert market.rows() == before


def test_no_callers_key_keeps_returned_money_in_transit(exchange):
    market = make_market()
    for key in ("expire:1", "fund:expire:1"):  # of an order, sent before the money comes back
        assert market.buy(1_000, 1, key=key).status == 201
    wallet_fund(organisation_id=market.buyer.id, amount_nano_usd=5, key="expire:1")
    wallet_fund(organisation_id=market.buyer.id, amount_nano_usd=5, key="expire:1")
    assert wallet(market.buyer) == (FUNDS + 5, 2_000_000)


def test_a_key_belongs_to_its_organisation(exchange):
    market = make_market()
    assert market.buy(1_000, 1, key="k").status == 201
    assert market.sell(2_000, 1, key="k").status == 201


def test_a_refusal_stays_a_refusal_under_its_key(exchange):
    market = make_market(funds_nano_usd=1_000_000)
    refused = market.buy(2_000, 1, key="k")
    assert refused.status == 402
    submit_sync(Fund(market.buyer.id, 1_000_000, "more"))
    assert market.buy(2_000, 1, key="k") == refused
    assert market.buy(2_000, 1, key="new key").status == 201


def test_client_order_id_alone_makes_an_order_idempotent(exchange):
    market = make_market(funds_nano_usd=3_000_000)
    assert market.buy(4_000, 1, client_order_id="mine").status == 402
    first = market.buy(1_000, 1, client_order_id="mine")
    assert first.status == 201
    assert market.buy(1_000, 1, client_order_id="mine") == first
    market.cancel(market.buyer, first)
    assert market.buy(1_000, 1, client_order_id="mine") == first
    assert market.buy(1_000, 2, client_order_id="mine").status == 409
    assert Order.objects.filter(organisation=market.buyer).count() == 1


def test_money_is_funded_once(exchange):
    market = make_market()
    for _ in range(3):
        assert submit_sync(Fund(market.buyer.id, 5, "once")).body["posted_nano_usd"] == FUNDS + 5
    assert wallet(market.buyer) == (FUNDS + 5, 0)
    assert submit_sync(Fund(market.buyer.id, 6, "once")).status == 409


def test_repetitions_are_not_sequenced_again(exchange):
    market = make_market()
    for _ in range(3):
        market.buy(1_000, 1, key="k")
    assert [command.kind for command in journal(market.buyer)] == ["fund", "new"]
