"""Batches and previews through the real sequencer: one row, nothing twice, nothing from a preview."""

import json
from typing import Any

from exchange.models import Command, Order
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Batch, CancelOrder, NewOrder, Preview
from exchange.sequencer.replay import decode_effects
from tests.sequencer_market import Market, make_market, wallet


def item(market: Market, price: int, lots: int, **other: Any) -> NewOrder:
    return NewOrder(
        organisation_id=market.buyer.id,
        instrument=market.instrument.symbol,
        side="buy",
        price_ticks=price,
        quantity_lots=lots,
        **other,
    )


def test_a_batch_is_one_row_and_is_done_once(exchange):
    market = make_market()
    market.sell(2_000, 10)
    batch = Batch(
        market.buyer.id,
        "batch",
        (
            item(market, 1_000, 5, client_order_id="a"),
            item(market, 2_000, 3),
            item(market, 0, 3),
            CancelOrder(market.buyer.id, None, client_order_id="a"),
            item(market, 1_000, 7, client_order_id="b"),
        ),
    )
    first, again = submit_sync(batch), submit_sync(batch)
    assert [each["status"] for each in first.body["results"]] == [201, 201, 422, 200, 201]
    assert again == first
    assert wallet(market.buyer) == (10_000_000_000 - 6_000_000, 7_000_000)
    assert Order.objects.filter(organisation=market.buyer).count() == 3
    (row,) = Command.objects.filter(organisation_id=market.buyer.id, kind="batch")
    assert len(decode_effects(row.effects)) == 4
    assert len(json.loads(row.verdict)["body"]["results"]) == 5
    for name in ("a", "b"):
        taken = market.buy(1_000, 1, client_order_id=name)
        assert taken.body["error"]["code"] == "duplicate_client_order_id"


def test_ids_taken_before_are_refused_in_a_batch_and_ids_of_refused_items_stay_free(exchange):
    market = make_market()
    market.buy(1_000, 1, client_order_id="before")
    verdict = submit_sync(
        Batch(
            market.buyer.id,
            None,
            (
                item(market, 1_000, 1, client_order_id="before"),
                item(market, 0, 1, client_order_id="free"),
                item(market, 1_000, 1, client_order_id="free"),
            ),
        )
    )
    assert [each["status"] for each in verdict.body["results"]] == [409, 422, 201]


def test_a_preview_leaves_no_trace(exchange):
    market = make_market()
    market.sell(2_000, 10)
    before, commands = market.rows(), Command.objects.filter(organisation_id=market.buyer.id).count()
    shown = submit_sync(Preview(item(market, 2_000, 15)))
    assert (shown.status, shown.body["status"], shown.body["cumulative_lots"]) == (
        200,
        "partially_filled",
        10,
    )
    assert (shown.body["cost_nano_usd"], shown.body["worst_case_nano_usd"]) == (20_000_000, 30_000_000)
    assert market.rows() == before
    assert Command.objects.filter(organisation_id=market.buyer.id).count() == commands
