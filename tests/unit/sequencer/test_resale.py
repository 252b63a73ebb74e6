"""Offers of entitlements in memory: what ends them, what is left, and that refusals move nothing."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from exchange.engine import Engine
from exchange.sequencer import protocol as p
from exchange.sequencer.commands import timers
from exchange.sequencer.replay import decode_effects, replay
from exchange.sequencer.resale import Lodged
from tests.unit.sequencer.market import BUYER, FUNDS, NOW, SELLER, MemoryMarket, memory_market

PART, PROVIDER = UUID(int=50), UUID(int=51)
ENDS_AT = NOW + timedelta(hours=5)


@pytest.fixture
def x() -> MemoryMarket:
    """A market in which the seller has lodged 10 lots: 1,000 µCU, N = 7,777 and F = 33 nano-USD."""
    x = memory_market(maker_fee_ppm=0, taker_fee_ppm=0)
    x.database.entitlements[PART] = Lodged(
        PART, x.market.instrument.id, SELLER, PROVIDER, 1_000, 7_777, 33, ENDS_AT, used_ucu=0
    )
    return x


def lodge(x: MemoryMarket, **other: object) -> p.Verdict:
    asked = {
        "organisation_id": SELLER,
        "entitlement_id": PART,
        "instrument": "x",
        "price_ticks": 1_000,
        "quantity_lots": 10,
        "key": "k",
    }
    return x.decide(p.Lodge(**asked | other))


def take(x: MemoryMarket, lots: int, window_s: int = 3_600) -> p.Verdict:
    return x.order(BUYER, "buy", 1_000, lots, tif="IOC", min_window_s=window_s)


def test_an_offer_needs_no_capacity_and_shows_in_no_depth(x):
    assert lodge(x).status == 201
    assert x.state.backings[SELLER, "c"].offered_ucu == 0
    assert x.market.engine.depth(10) == ([], [])
    assert x.state.lodged[PART].left_ucu == 1_000


def test_sales_take_exact_shares_and_the_rest_comes_back(x):
    lodge(x)
    take(x, 3)
    take(x, 4)
    sources = [trade.source for trade in x.decider.changes.trades if trade.source]
    shares = [(source.escrow_nano_usd, source.fees_nano_usd) for source in sources]
    assert shares == [(2_333, 9), (3_110, 14)]  # ⌊7,777 · 0.3⌋, ⌊7,777 · 0.7⌋ less that; the fee alike
    assert (x.state.wallets[SELLER].posted, x.state.wallets[BUYER].posted) == (7_000_000, FUNDS - 7_000_000)
    assert x.state.backings[SELLER, "c"].issued_ucu == 0
    x.decide(p.CancelAll(SELLER))
    assert x.state.lodged == {}
    assert x.decider.changes.returned[PART].left_ucu == 300


def test_an_offer_that_is_sold_out_leaves_nothing(x):
    lodge(x)
    take(x, 10)
    assert (x.state.lodged, x.resting()) == ({}, [])
    assert x.decider.changes.returned[PART].left_ucu == 0


def test_five_minutes_before_its_end_the_offer_ends_by_itself(x):
    lodge(x)
    assert timers.next_due(x.state) == ENDS_AT - timedelta(minutes=5)
    due = timers.what_is_due(x.state, ENDS_AT - timedelta(minutes=5))
    assert due is not None
    x.decider.changes.now = ENDS_AT - timedelta(minutes=5)
    x.decider.decide(due)
    assert (x.state.lodged, x.resting()) == ({}, [])
    assert x.decider.changes.returned[PART].left_ucu == 1_000


@pytest.mark.parametrize("phase", ["halted", "no_cancel"])
def test_the_kill_switch_gives_what_is_lodged_back(x, phase):
    lodge(x)
    x.decide(p.SetPhase("x", phase))
    x.decide(p.SetAccount(organisation_id=SELLER, is_blocked=True))
    assert (x.state.lodged, x.resting()) == ({}, [])
    assert x.decider.changes.returned[PART].left_ucu == 1_000


def test_a_window_too_short_is_passed_over(x):
    lodge(x)
    assert take(x, 1, window_s=5 * 3_600 + 1).body["cumulative_lots"] == 0
    assert take(x, 1, window_s=5 * 3_600).body["cumulative_lots"] == 1


def test_the_cheaper_of_both_kinds_of_offers_comes_first(x):
    lodge(x, price_ticks=999)
    x.order(SELLER, "sell", 998, 1)
    x.order(SELLER, "sell", 1_000, 1)
    verdict = take(x, 12)
    assert [(t["price_ticks"], t["quantity_lots"]) for t in verdict.body["trades"]] == [
        (998, 1),
        (999, 10),
        (1_000, 1),
    ]
    assert [trade.is_resale for trade in x.decider.changes.trades] == [False, True, False]
    assert x.market.reference_ticks == 1_000


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"organisation_id": BUYER}, "entitlement_not_sellable"),
        ({"entitlement_id": UUID(int=9)}, "entitlement_not_sellable"),
        ({"quantity_lots": 9}, "entitlement_not_sellable"),
        ({"price_ticks": 99}, "price_out_of_band"),
        ({"instrument": "y"}, "unknown_instrument"),
        ({"expires_at": int(ENDS_AT.timestamp())}, "invalid_field"),
    ],
)
def test_a_refused_offer_moves_nothing(x, other, code):
    before = x.state.state_hash()
    assert x.refused(lodge(x, **other), code, before)
    assert x.state.lodged == {}


def test_what_ends_too_soon_is_not_offered(x):
    x.database.entitlements[PART].ends_at = NOW + timedelta(minutes=5)
    before = x.state.state_hash()
    assert x.refused(lodge(x), "entitlement_not_sellable", before)


@pytest.mark.parametrize(
    "other",
    [
        {"tif": "GTC"},
        {"side": "sell"},
        {"stp": "none"},
        {"min_window_s": 0},
        {"min_window_s": 86_401},
        {"beneficiary_ucu": 100},
    ],
)
def test_only_immediate_buys_ask_for_a_window(x, other):
    lodge(x)
    before = x.state.state_hash()
    order = {"side": "buy", "tif": "IOC", "min_window_s": 60} | other
    verdict = x.order(BUYER, order.pop("side"), 1_000, 1, **order)
    assert x.refused(verdict, "invalid_field", before)


def test_a_preview_says_what_a_refund_would_be_and_changes_nothing(x):
    lodge(x)
    before = x.state.state_hash()
    order = p.NewOrder(
        organisation_id=BUYER,
        instrument="x",
        side="buy",
        price_ticks=1_000,
        quantity_lots=3,
        tif="IOC",
        min_window_s=60,
    )
    shown = x.decide(p.Preview(order)).body
    assert (shown["cost_nano_usd"], shown["refund_nano_usd"]) == (3_000_000, 2_333 + 9)
    assert (x.state.state_hash(), x.state.lodged[PART].left_ucu) == (before, 1_000)
    x.decide(order)
    source = x.decider.changes.trades[0].source
    assert source is not None
    assert source.escrow_nano_usd + source.fees_nano_usd == shown["refund_nano_usd"]


def test_replay_gives_the_same_book(x):
    lodge(x)
    take(x, 3)
    engines = {"x": Engine()}
    replay([decode_effects(msgspec.msgpack.encode(x.decider.changes.effects))], engines)
    assert engines["x"].state_hash() == x.market.engine.state_hash()


def test_resale_can_be_switched_off_on_both_sides(x):
    x.decider.disabled = frozenset({"resale"})
    for refused in (lodge(x), take(x, 1)):
        assert refused.body["error"]["code"] == "order_kind_disabled"
    assert (x.state.lodged, x.resting()) == ({}, [])
