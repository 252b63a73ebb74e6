"""What surveillance finds, and what it lets pass, at the edges of its thresholds."""

from dataclasses import replace
from itertools import count

import pytest

from exchange.surveillance import Auction, Finding, Order, Tape, Trade, Traffic, examine

S = 1_000_000
_numbers = count(1)


def trade(at_s: int, buyer: str, seller: str, lots: int = 10, **other: object) -> Trade:
    number = next(_numbers)
    return Trade(f"t{number}", "X", at_s * S, 100, lots, buyer, seller, f"b{number}", f"s{number}", **other)  # type: ignore[arg-type]


def order(at_s: int, life_s: int, account: str, lots: int, end: str = "user", side: str = "sell") -> Order:
    return Order(f"o{next(_numbers)}", "X", account, side, lots, 0, at_s * S, (at_s + life_s) * S, end)


def test_a_quiet_market_has_no_findings():
    trades = [trade(at, "ada", "bob") for at in range(50)]
    orders = [order(at, 5, "ada", 10) for at in range(50)]
    assert examine(Tape(orders, trades, (), [Traffic("ada", 100)])) == []


def test_trades_with_oneself_are_counted_by_account():
    trades = [trade(1, "ada", "ada", 3), trade(2, "bob", "ada"), trade(4, "ada", "ada", 5)]
    assert examine(Tape(trades=trades)) == [
        Finding(
            "self_trade",
            "X",
            ("ada",),
            1 * S,
            4 * S,
            {"trades": 2, "lots": 8},
            (trades[0].id, trades[2].id),
        )
    ]


def test_the_fifth_prevented_self_trade_is_no_accident():
    stopped = [order(at, 0, "ada", 10, end="stp") for at in range(4)]
    assert examine(Tape(orders=stopped)) == []
    stopped.append(order(9, 1, "ada", 10, end="decrement"))
    (found,) = examine(Tape(orders=stopped))
    assert (found.kind, found.accounts, found.figures) == ("prevented_self_trades", ("ada",), {"orders": 5})
    assert (found.from_us, found.to_us) == (0, 10 * S)


def test_two_who_sell_each_other_the_same_within_an_hour_are_found():
    there = [trade(0, "ada", "bob", 60), trade(10, "ada", "bob", 40)]
    back = [trade(20, "bob", "ada", 30), trade(3_600, "bob", "ada", 50)]
    (found,) = examine(Tape(trades=[*there, *back]))
    assert (found.kind, found.accounts) == ("ping_pong", ("ada", "bob"))
    assert found.figures == {"trades": 4, "lots_there": 100, "lots_back": 80}
    assert (found.from_us, found.to_us) == (0, 3_600 * S)


def test_what_is_not_balanced_not_twice_or_not_within_an_hour_is_no_ping_pong():
    there = [trade(0, "ada", "bob", 60), trade(10, "ada", "bob", 40)]
    for back in (
        [trade(20, "bob", "ada", 30), trade(30, "bob", "ada", 49)],
        [trade(20, "bob", "ada", 100)],
        [trade(20, "bob", "ada", 30), trade(3_611, "bob", "ada", 70)],
        [trade(20, "bob", "cyd", 50), trade(30, "bob", "cyd", 50)],
    ):
        assert examine(Tape(trades=[*there, *back])) == []


def test_of_several_hours_the_one_with_most_there_and_back_is_reported():
    def hour(start_s: int, lots: int) -> list[Trade]:
        pairs = [("ada", "bob"), ("bob", "ada")] * 2
        return [trade(start_s + n, buyer, seller, lots) for n, (buyer, seller) in enumerate(pairs)]

    (found,) = examine(Tape(trades=[*hour(0, 5), *hour(10_000, 9), *hour(20_000, 7)]))
    assert found.figures == {"trades": 4, "lots_there": 18, "lots_back": 18}
    assert found.from_us == 10_000 * S


def test_large_offers_withdrawn_while_the_same_account_buys_are_found():
    orders = [order(at, 30, "ada", 50) for at in (100, 200, 300)]
    trades = [trade(at + 30, "ada", "bob", 10) for at in (100, 200, 300)]
    (found,) = examine(Tape(orders, trades))
    assert (found.kind, found.accounts) == ("spoof_like_cancels", ("ada",))
    assert found.figures == {"orders": 3, "lots_shown": 150, "lots_traded_opposite": 30}
    assert found.references == tuple(shown.id for shown in orders)


@pytest.mark.parametrize("end", ["disconnected", "dead_man"])
def test_who_falls_silent_instead_of_cancelling_is_found_too(end):
    orders = [order(at, 30, "ada", 50, end) for at in (100, 200, 300)]
    trades = [trade(at + 30, "ada", "bob", 10) for at in (100, 200, 300)]
    (found,) = examine(Tape(orders, trades))
    assert found.kind == "spoof_like_cancels"


def test_what_is_small_long_lived_filled_expired_or_done_twice_is_no_spoofing():
    orders = [order(at, 30, "ada", 50) for at in (100, 200, 300)]
    trades = [trade(at + 30, "ada", "bob", 10) for at in (100, 200, 300)]
    for third in (
        replace(orders[2], quantity_lots=49),
        replace(orders[2], ended_us=331 * S),
        replace(orders[2], traded_lots=1),
        replace(orders[2], end="expired"),
        replace(orders[2], side="buy"),
        replace(orders[2], entered_us=331 * S, ended_us=332 * S),
    ):
        assert examine(Tape([*orders[:2], third], trades)) == []


def test_more_than_a_hundred_messages_a_trade_are_found():
    trades = [trade(at, "ada", "bob") for at in range(10)]
    assert examine(Tape(trades=trades, traffic=[Traffic("ada", 1_000), Traffic("cyd", 999)])) == []
    found = examine(Tape(trades=trades, traffic=[Traffic("ada", 1_001), Traffic("cyd", 1_000)]))
    assert [(each.accounts, each.figures) for each in found] == [
        (("ada",), {"messages": 1_001, "trades": 10, "ratio": 100}),
        (("cyd",), {"messages": 1_000, "trades": 0, "ratio": 1_000}),
    ]


def late_auction(price: int, lots: int, entered_s: int, side: str = "buy", no_cancel_s: int = 900) -> Tape:
    """An auction at 1,000 s: reference 1,000 ticks, 100 lots, of which ada's order trades `lots`."""
    ada = Order("ada-order", "X", "ada", side, lots, lots, entered_s * S, 1_000 * S)
    bob = Order("bob-order", "X", "bob", side, 100, 100, 0, 1_000 * S)
    both = [(ada, lots), (bob, 100 - lots)]
    made = [
        replace(
            trade(1_000, who.account, "cyd", part, auction="a")
            if side == "buy"
            else trade(1_000, "cyd", who.account, part, auction="a"),
            **{f"{side}_order": who.id},
        )
        for who, part in both
        if part
    ]
    return Tape([ada, bob], made, [Auction("a", "X", no_cancel_s * S, 1_000 * S, 1_000, price, 100)])


def test_a_late_order_that_moves_an_auctions_price_is_found():
    (found,) = examine(late_auction(1_020, 50, 940))
    assert (found.kind, found.accounts, found.references[0]) == ("marking_the_close", ("ada",), "a")
    assert found.figures == {
        "lots": 50,
        "share_ppm": 500_000,
        "move_ppm": 20_000,
        "reference_ticks": 1_000,
        "price_ticks": 1_020,
    }
    (found,) = examine(late_auction(980, 70, 999, side="sell"))
    assert (found.figures["share_ppm"], found.figures["move_ppm"]) == (700_000, 20_000)


def test_an_early_a_small_or_a_moveless_order_does_not_mark_the_close():
    for tape in (
        late_auction(1_020, 50, 939),
        late_auction(1_020, 49, 940),
        late_auction(1_020, 50, 984, no_cancel_s=985),  # a short auction, while cancels were free
        late_auction(1_019, 50, 940),
        late_auction(980, 50, 940),  # it bought, and the price fell
    ):
        assert examine(tape) == []
