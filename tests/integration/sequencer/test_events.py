"""What the sequencer tells: dense events from which a reader rebuilds book, tape and orders."""

import json
import zlib
from typing import Any

import pytest

from exchange.models import AccountEvent, Command, MarketEvent
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetPhase
from exchange.sequencer.replay import decode_effects
from tests.sequencer_market import Market, make_market

pytestmark = pytest.mark.usefixtures("exchange")


def told(market: Market) -> list[dict[str, Any]]:
    rows = MarketEvent.objects.filter(instrument=market.instrument).order_by("sequence")
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    return [json.loads(row.payload) for row in rows]


def told_to(organisation: Any) -> list[dict[str, Any]]:
    rows = AccountEvent.objects.filter(organisation=organisation).order_by("sequence")
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    return [json.loads(row.payload) for row in rows]


def test_deltas_rebuild_the_book_and_its_checksum():
    market = make_market()
    market.sell(2_000, 5)
    ask = market.sell(2_010, 7)
    market.buy(1_990, 3)
    market.buy(2_000, 2)
    market.replace(market.seller, ask, 2_020, 7)
    submit_sync(SetPhase(market.instrument.symbol, "cancel_only"))
    events = told(market)
    levels: dict[tuple[str, int], int] = {}
    for event in events:
        for side, price, lots in event["levels"]:
            levels[side, price] = lots
    book = {key: lots for key, lots in levels.items() if lots}
    assert book == {("bid", 1_990): 3, ("ask", 2_000): 3, ("ask", 2_020): 7}
    assert [[t["price_ticks"], t["quantity_lots"]] for e in events for t in e["trades"]] == [[2_000, 2]]
    assert events[-1]["phase"] == "cancel_only"
    assert events[-1]["crc"] == zlib.crc32(b"bid:1990:3,ask:2000:3,ask:2020:7,")


def test_both_sides_hear_of_their_orders_fills_and_wallets():
    market = make_market()
    sold = market.sell(2_000, 5)
    bought = market.buy(2_000, 5)
    to_seller, to_buyer = told_to(market.seller), told_to(market.buyer)
    assert [event["type"] for event in to_seller] == ["order", "wallet", "fill", "order", "wallet"]
    assert [event["type"] for event in to_buyer] == ["wallet", "fill", "order", "wallet"]
    assert to_seller[2]["trade"]["order_id"] == sold.body["order_id"]
    assert to_seller[2]["trade"]["role"] == "maker"
    assert to_seller[3]["order"]["status"] == "filled"
    assert to_buyer[1]["trade"]["trade_id"] == to_seller[2]["trade"]["trade_id"]
    assert to_buyer[2]["order"]["order_id"] == bought.body["order_id"]


def test_the_journal_keeps_what_a_command_did_to_the_books():
    market = make_market()
    sold = market.sell(2_000, 5)
    market.cancel(market.seller, sold)
    market.sell(2_000, 0)
    kept = Command.objects.filter(organisation_id=market.seller.id).order_by("sequence")
    effects = [decode_effects(row.effects) if row.effects else None for row in kept]
    assert [row.kind for row in kept] == ["set_capacity", "new", "cancel", "new"]
    assert [len(effect or ()) for effect in effects] == [0, 1, 1, 0]
    symbol, operation = (effects[2] or [])[0]
    assert symbol == market.instrument.symbol
    assert (type(operation).__name__, operation.id) == ("Cancel", sold.body["order_id"].removeprefix("ord_"))
