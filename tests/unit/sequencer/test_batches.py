"""Batches, mass cancels and previews, in memory."""

from typing import Any
from uuid import UUID

import pytest

from exchange.sequencer import protocol as p
from exchange.sequencer.batch import _client_ids
from exchange.sequencer.commands import orders
from exchange.sequencer.door import cost_of
from tests.sequencer_memory import Desk
from tests.unit.sequencer.test_risk import instrument

ANN, BOB, CAT = UUID(int=2), UUID(int=3), UUID(int=4)
FUNDS = 100_000_000


@pytest.fixture
def desk() -> Desk:
    return Desk(instrument(maker_fee_ppm=0, taker_fee_ppm=0), ANN, BOB, CAT, funds=FUNDS, tier=1_000_000)


def new(side: Any, price: int, lots: int, who: UUID = ANN, **other: Any) -> p.NewOrder:
    return p.NewOrder(
        organisation_id=who, instrument="x", side=side, price_ticks=price, quantity_lots=lots, **other
    )


def batch(*items: Any, who: UUID = ANN) -> p.Batch:
    return p.Batch(who, None, items)


def codes(verdict: p.Verdict) -> list[Any]:
    """The status of each result, with the code of a refused one."""
    return [
        (each["status"], each["body"]["error"]["code"]) if "error" in each["body"] else each["status"]
        for each in verdict.body["results"]
    ]


def test_each_item_sees_what_the_items_before_it_did(desk):
    first = desk.order(ANN, "buy", 1_000, 100)
    order_id = UUID(hex=first.body["order_id"].removeprefix("ord_"))
    verdict = desk.decide(
        batch(
            new("buy", 1_000, 1),  # all the money is held
            p.CancelOrder(ANN, None, order_id),
            new("buy", 1_000, 60, client_order_id="a"),
            new("buy", 1_000, 40, client_order_id="a"),
            p.CancelOrder(ANN, None, order_id),
            p.CancelOrder(ANN, None, client_order_id="a"),
            new("buy", 1_000, 100, client_order_id="b"),
        )
    )
    assert verdict.status == 200
    assert codes(verdict) == [
        (402, "insufficient_balance"),
        200,
        201,
        (409, "duplicate_client_order_id"),
        (404, "unknown_order"),
        200,
        201,
    ]
    assert desk.state.wallets[ANN].available == 0
    assert [symbol for symbol, _ in desk.changes.effects] == ["x"] * 5


def test_a_batch_of_none_of_too_many_or_for_another_is_refused_whole(desk):
    for refused in (batch(), batch(*[new("buy", 1_000, 1)] * 201), batch(new("buy", 1_000, 1, BOB))):
        assert desk.decide(refused).body["error"]["param"] == "items"
    assert not desk.state.orders


def test_a_batch_costs_what_its_items_cost_and_takes_their_ids():
    items = batch(new("buy", 1_000, 1, client_order_id="a"), p.CancelOrder(ANN, None, UUID(int=9)))
    assert cost_of(items) == 6
    assert list(_client_ids(items)) == [(ANN, "a")]
    assert list(_client_ids(p.Preview(new("buy", 1_000, 1, client_order_id="b")))) == [(ANN, "b")]


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({}, []),
        ({"side": "sell"}, ["grid-1", "grid-2", None]),
        ({"client_order_id_prefix": "grid-"}, [None, "other"]),
        ({"client_order_id_prefix": "grid-", "side": "sell"}, ["grid-1", "grid-2", None, "other"]),
        ({"instrument": "x", "side": "buy"}, ["other"]),
    ],
)
def test_what_is_chosen_is_canceled(desk, chosen, left):
    for name in ("grid-1", "grid-2", None):
        desk.order(ANN, "buy", 1_000, 1, client_order_id=name)
    desk.order(ANN, "sell", 2_000, 1, client_order_id="other")
    theirs = desk.order(BOB, "sell", 2_000, 1, client_order_id="grid-1")
    verdict = desk.decide(p.CancelAll(ANN, **chosen))
    assert len(verdict.body["canceled"]) == 4 - len(left)
    assert [order.client_order_id for order in desk.state.orders_of(ANN, None)] == left
    assert desk.open(theirs) is not None


class TestPreview:
    """A preview is the order's own answer, and nothing has happened."""

    @pytest.mark.parametrize(
        "asked",
        [
            new("buy", 1_000, 5),
            new("buy", 2_000, 25, client_order_id="mine"),
            new("buy", 2_000, 25, tif="FOK"),
            new("buy", 2_100, 3, tif="IOC", only_providers=(CAT,)),
            new("sell", 900, 30, BOB, stp="cancel_maker"),
            new("sell", 900, 5, CAT, display_lots=2),
            p.NewOrder(
                organisation_id=ANN,
                instrument="x",
                side="buy",
                type="market",
                tif="IOC",
                budget_nano_usd=50_000_000,
            ),
        ],
    )
    def test_it_says_what_placing_says(self, desk, asked):
        self.fill(desk)
        before = (desk.state.state_hash(), list(desk.changes.account_events), list(desk.changes.effects))
        shown = desk.decide(p.Preview(asked))
        assert shown.status == 200
        after = (desk.state.state_hash(), list(desk.changes.account_events), list(desk.changes.effects))
        assert after == before
        assert not desk.changes.trades
        placed = desk.decide(asked)
        assert placed.status == 201
        cost = sum(t["price_ticks"] * t["quantity_lots"] * 1_000 for t in placed.body["trades"])
        assert without_ids(shown.body) == without_ids(placed.body) | {
            "preview": True,
            "cost_nano_usd": cost,
            "fee_nano_usd": 0,
            "worst_case_nano_usd": worst_case(asked),
            "refund_nano_usd": cost if asked.side == "buy" else 0,
        }

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            (new("buy", 2_000, 51), "insufficient_balance"),
            (new("buy", 99, 1), "price_out_of_band"),
            (new("buy", 2_000, 1, post_only=True), "post_only_would_take"),
            (new("buy", 1_000, 1, client_order_id="taken"), "duplicate_client_order_id"),
        ],
    )
    def test_it_is_refused_as_the_order_would_be(self, desk, asked, code):
        self.fill(desk)
        desk.decider.taken.add((ANN, "taken"))
        assert desk.decide(p.Preview(asked)).body["error"]["code"] == code
        assert desk.decide(asked).body["error"]["code"] == code

    def test_it_starts_no_auction(self):
        desk = Desk(
            instrument(volatility_ppm=100_000, reference_ticks=1_000), ANN, BOB, funds=FUNDS, tier=10**6
        )
        desk.order(BOB, "sell", 1_200, 5)
        asked = new("buy", 1_200, 5)
        shown = desk.decide(p.Preview(asked))
        assert (shown.body["status"], shown.body["trades"]) == ("open", [])
        market = desk.state.markets["x"]
        assert (market.auction, market.engine.current_phase) == (None, "continuous")
        placed = desk.decide(asked)
        assert without_ids(placed.body).items() <= without_ids(shown.body).items()
        assert market.auction is not None

    @staticmethod
    def fill(desk: Desk) -> None:
        desk.order(BOB, "sell", 2_000, 10, client_order_id="ask")
        desk.order(CAT, "sell", 2_000, 10, display_lots=3)
        desk.order(CAT, "buy", 900, 10)
        desk.order(BOB, "buy", 900, 10)


def worst_case(asked: p.NewOrder) -> int:
    if asked.side == "sell":
        return 0
    return asked.budget_nano_usd or (asked.price_ticks or 0) * (asked.quantity_lots or 0) * 1_000


def without_ids(body: dict[str, Any]) -> dict[str, Any]:
    """Two orders have two ids, and so have their trades."""
    bare = {key: value for key, value in body.items() if key not in ("order_id", "auction_id")}
    bare["trades"] = [
        {key: value for key, value in trade.items() if key not in ("order_id", "trade_id")}
        for trade in body["trades"]
    ]
    if "prevented" in body:
        bare["prevented"] = [each["quantity_lots"] for each in body["prevented"]]
    return bare


class TestMatches:
    """One command meets so many orders at most, alone or as a batch."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch):
        monkeypatch.setattr(orders, "MOST_MATCHES", 5)

    @staticmethod
    def offer(desk: Desk, lots: int, **other: Any) -> None:
        for _ in range(lots):
            desk.order(BOB, "sell", 1_000, 1, **other)

    def test_an_order_for_more_is_refused_whole(self, desk):
        self.offer(desk, 6)
        before = desk.state.state_hash()
        assert desk.order(ANN, "buy", 1_000, 6).body["error"]["code"] == "too_many_matches"
        assert desk.state.state_hash() == before
        assert desk.order(ANN, "buy", 1_000, 5).body["cumulative_lots"] == 5

    def test_few_large_orders_are_few_matches(self, desk):
        desk.order(BOB, "sell", 1_000, 50)
        assert desk.order(ANN, "buy", 1_000, 50).body["status"] == "filled"

    def test_each_slice_of_an_iceberg_counts(self, desk):
        desk.order(BOB, "sell", 1_000, 12, display_lots=2)
        assert desk.order(ANN, "buy", 1_000, 12).body["error"]["code"] == "too_many_matches"
        assert desk.order(ANN, "buy", 1_000, 10).body["status"] == "filled"

    def test_a_replacement_counts_too(self, desk):
        self.offer(desk, 6)
        resting = desk.order(ANN, "buy", 900, 6)
        order_id = UUID(hex=resting.body["order_id"].removeprefix("ord_"))
        refused = desk.decide(p.ReplaceOrder(ANN, None, order_id, 1_000, 6))
        assert refused.body["error"]["code"] == "too_many_matches"
        assert desk.open(resting).price_ticks == 900

    def test_the_items_of_a_batch_share_the_bound_and_commands_do_not(self, desk):
        self.offer(desk, 9)
        verdict = desk.decide(batch(new("buy", 1_000, 3), new("buy", 1_000, 3), new("buy", 1_000, 2)))
        assert codes(verdict) == [201, (422, "too_many_matches"), 201]
        desk.decider.trades_before = len(desk.changes.trades)
        assert desk.order(ANN, "buy", 1_000, 4).body["status"] == "filled"
