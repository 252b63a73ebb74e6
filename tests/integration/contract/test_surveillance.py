"""The report over real rows: a tape of a real market, by selector and by command."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.clock import rfc3339, utc_now
from exchange.selectors.surveillance import surveillance_findings, tape
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Batch, NewOrder, SetCapacity
from tests.sequencer_market import Market, make_market


@pytest.fixture
def market(exchange):
    """A market whose buyer can sell too."""
    market = make_market()
    submit_sync(SetCapacity(market.buyer.id, market.instrument.compute_class_id, 1_000, 1_000_000))
    return market


def found(market: Market, start) -> list[tuple[str, dict[str, int]]]:
    findings = surveillance_findings(start=start, end=utc_now())
    account = f"org_{market.buyer.id.hex}"
    return [(each.kind, each.figures) for each in findings if each.accounts == [account]]


def test_own_and_prevented_trades_are_found_in_their_period(market):
    start = utc_now()
    market.order(market.buyer, "sell", 1_000, 6)
    market.buy(1_000, 1, stp="none", tif="IOC")
    for _ in range(5):
        market.buy(1_000, 1)
    assert found(market, start) == [
        ("prevented_self_trades", {"orders": 5}),
        ("self_trade", {"trades": 1, "lots": 1}),
    ]
    assert found(market, utc_now()) == []


def test_spoof_like_cancels_are_found(market):
    start = utc_now()
    market.sell(1_000, 100)
    for _ in range(3):
        shown = market.order(market.buyer, "sell", 1_500, 50)
        market.buy(1_000, 10, tif="IOC")
        market.cancel(market.buyer, shown)
    figures = {"orders": 3, "lots_shown": 150, "lots_traded_opposite": 30}
    assert found(market, start) == [("spoof_like_cancels", figures)]


def test_the_tape_counts_every_message(market):
    start = utc_now()
    order = market.buy(900, 5)
    market.replace(market.buyer, order, 901, 5)
    market.cancel(market.buyer, order)
    items = tuple(
        NewOrder(
            organisation_id=market.buyer.id,
            instrument=market.instrument.symbol,
            side="buy",
            price_ticks=900,
            quantity_lots=1,
        )
        for _ in range(4)
    )
    assert submit_sync(Batch(market.buyer.id, None, items)).status == 200
    read = tape(start=start, end=utc_now())
    assert {each.account: each.messages for each in read.traffic}[f"org_{market.buyer.id.hex}"] == 7


def test_the_command_prints_a_line_for_each_finding(market):
    start = utc_now()
    market.order(market.buyer, "sell", 1_000, 1)
    market.buy(1_000, 1, stp="none")
    out = StringIO()
    call_command("surveillance", "--from", rfc3339(start), "--json", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    (line,) = (line for line in lines if line["instrument"] == market.instrument.symbol)
    assert (line["kind"], line["accounts"]) == ("self_trade", [f"org_{market.buyer.id.hex}"])
    assert line["starts_at"] > rfc3339(start)
    out = StringIO()
    call_command("surveillance", "--from", rfc3339(start), stdout=out)
    assert "trades=1 lots=1" in out.getvalue()


def test_a_period_that_ends_before_it_begins_is_refused(db):
    with pytest.raises(CommandError, match="before"):
        call_command("surveillance", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z")
