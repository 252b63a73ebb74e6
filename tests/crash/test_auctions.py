"""Auctions whose sequencer dies: each goes on where it was, and uncrosses once."""

import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from core.clock import utc_now
from core.ids import new_id
from exchange.models import Auction, Entitlement, Instrument, Order, Trade
from exchange.sequencer.batch import Sequencer
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Inspect, NewOrder, RunDue, StartAuction
from exchange.sequencer.state import AUCTION
from tests.crash.checks import assert_consistent
from tests.crash.doomed import POINTS
from tests.sequencer_market import Market, make_market
from tests.sequencer_process import sequencer
from tests.sequencer_writer import writers
from tests.waiting import eventually


def started(market: Market, input_s: int, no_cancel_s: int, random_close_s: int) -> list[Any]:
    """Return the commands of an auction: one that starts it, and its orders."""
    start = StartAuction(
        instrument=market.instrument.symbol,
        auction_id=new_id(),
        kind="scheduled",
        input_s=input_s,
        no_cancel_s=no_cancel_s,
        random_close_s=random_close_s,
        then_phase="continuous",
        key=f"auction {market.instrument.symbol}",
    )
    orders = (
        (market.buyer, "buy", 1_300, 10, "GTC"),
        (market.buyer, "buy", 1_200, 10, "GFA"),
        (market.buyer, "buy", 900, 1, "GTC"),
        (market.seller, "sell", 1_000, 15, "GTC"),
    )
    return [
        start,
        *(
            NewOrder(
                organisation_id=who.id,
                instrument=market.instrument.symbol,
                side=side,
                price_ticks=price,
                quantity_lots=lots,
                tif=tif,
            )
            for who, side, price, lots, tif in orders
        ),
    ]


def check_uncrossed_once(market: Market) -> None:
    (row,) = Auction.objects.filter(instrument=market.instrument)
    assert (row.state, row.price_ticks, row.volume_lots, row.surplus_lots) == ("done", 1_200, 15, 5)
    assert row.ended_at is not None
    assert row.ended_at >= row.close_from_at
    trades = Trade.objects.filter(instrument=market.instrument).order_by("sequence")
    assert [(t.price_ticks, t.quantity_lots) for t in trades] == [(1_200, 10), (1_200, 5)]
    assert Entitlement.objects.filter(instrument=market.instrument).count() == 2
    left = Order.objects.filter(instrument=market.instrument, status="open")
    assert [(order.price_ticks, order.leaves_lots) for order in left] == [(900, 1)]
    assert Instrument.objects.get(id=market.instrument.id).phase == "continuous"


def test_killed_in_any_step_auctions_go_on_and_uncross_once(db):
    with sequencer() as first:
        markets = [make_market() for _ in range(3)]
        periods = [(4, 0, 0), (1, 3, 0), (1, 0, 3)]
        commands = [started(market, *each) for market, each in zip(markets, periods, strict=True)]
        assert {submit_sync(command).status for each in commands for command in each} == {200, 201}
        in_input, in_no_cancel, at_random = (
            Auction.objects.filter(instrument=market.instrument) for market in markets
        )
        eventually(in_no_cancel.filter(state="no_cancel").exists)
        eventually(at_random.filter(state__in=["random_close", "done"]).exists)
        assert in_input.filter(state="input").exists()
        first.send(signal.SIGKILL)
        assert first.exit_code() == -signal.SIGKILL
    with sequencer():
        for market, (start, *_) in zip(markets, commands, strict=True):
            eventually(Auction.objects.filter(instrument=market.instrument, state="done").exists)
            assert submit_sync(start).body["state"] == "input"  # the answer that it had
            check_uncrossed_once(market)
        assert_consistent()


class Died(Exception):
    """Stands for the end of the process: lost is what was in memory, and what was not committed."""


PLACES = [name for name in POINTS if name != "answered"]


def deadly(original: Any, *, is_after: bool) -> Any:
    def function(*arguments: Any, **fields: Any) -> Any:
        if is_after:
            original(*arguments, **fields)
        raise Died

    return function


def step(writer: Sequencer, market: Market, at: datetime) -> None:
    """Take the market's auction further, if that is due."""
    key = (AUCTION, market.instrument.symbol)
    if key in writer.state.deadlines.due(at, 500):
        writer.run([RunDue((key,))], at)


def dying(
    market: Market, place: str, monkeypatch: pytest.MonkeyPatch, writer_at: Callable[[datetime], Sequencer]
) -> Sequencer:
    """Hold an auction whose writer dies once in each step; return the last writer."""
    start = utc_now() - timedelta(minutes=1)
    writer = writer_at(start)
    assert {verdict.status for verdict in writer.run(started(market, 20, 10, 5), start)} == {200, 201}
    point = POINTS[place]
    owner: Any = import_module(point.module)
    owner = getattr(owner, point.owner) if point.owner else owner
    fatal = deadly(getattr(owner, point.function), is_after=point.is_after)
    for second, state in ((20, "no_cancel"), (30, "random_close"), (35, "done")):
        at = start + timedelta(seconds=second)
        with monkeypatch.context() as patched:
            patched.setattr(owner, point.function, fatal)
            with suppress(Died):
                step(writer, market, at)
        writer = writer_at(at)
        step(writer, market, at)
        assert Auction.objects.get(instrument=market.instrument).state == state
    return writer


def test_auctions_whose_writer_dies_anywhere_in_each_step_uncross_once(db, monkeypatch):
    with sequencer():
        markets = {place: make_market() for place in PLACES}
    with writers() as writer_at:
        for place, market in markets.items():
            writer = dying(market, place, monkeypatch, writer_at)
            check_uncrossed_once(market)
            hashes = writer.run([Inspect()], utc_now())[0].body
            assert hashes["state_hash"] == hashes["committed_state_hash"]
