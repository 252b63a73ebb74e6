"""Wash trading: an account, or two together, that trade with themselves."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exchange.surveillance.facts import REFERENCES_MAX, SECOND_US, Finding, Order, Trade

PREVENTED_MIN: Final = 5
"""Self-trades prevented in the period, from which on it is no accident."""
PING_PONG_WINDOW_US: Final = 3_600 * SECOND_US
PING_PONG_TRADES_MIN: Final = 2
"""Trades in each direction within the window."""
PING_PONG_BALANCE_PPM: Final = 800_000
"""The smaller direction's lots, as a part of the larger's."""


def self_trades(trades: Iterable[Trade]) -> Iterator[Finding]:
    """Find accounts that traded with themselves, which only an uncross allows."""
    own: defaultdict[tuple[str, str], list[Trade]] = defaultdict(list)
    for trade in trades:
        if trade.buyer == trade.seller:
            own[trade.instrument, trade.buyer].append(trade)
    for (instrument, account), found in own.items():
        figures = {"trades": len(found), "lots": sum(trade.quantity_lots for trade in found)}
        yield _finding("self_trade", instrument, (account,), found, figures)


def prevented_self_trades(orders: Iterable[Order]) -> Iterator[Finding]:
    """Find accounts whose orders self-trade prevention cancelled again and again."""
    stopped: defaultdict[tuple[str, str], list[Order]] = defaultdict(list)
    for order in orders:
        if order.end in ("stp", "decrement"):
            stopped[order.instrument, order.account].append(order)
    for (instrument, account), found in stopped.items():
        if len(found) >= PREVENTED_MIN:
            yield Finding(
                "prevented_self_trades",
                instrument,
                (account,),
                min(order.entered_us for order in found),
                max(order.ended_us for order in found),
                {"orders": len(found)},
                tuple(order.id for order in found[:REFERENCES_MAX]),
            )


def ping_pong(trades: Iterable[Trade]) -> Iterator[Finding]:
    """Find pairs of accounts that sold each other about the same within an hour: the largest such hour."""
    pairs: defaultdict[tuple[str, str, str], list[Trade]] = defaultdict(list)
    for trade in trades:
        if trade.buyer != trade.seller:
            first, second = sorted((trade.buyer, trade.seller))
            pairs[trade.instrument, first, second].append(trade)
    for (instrument, first, second), between in pairs.items():
        hour = max(_hours(between, first), key=lambda hour: min(hour.lots), default=None)
        if hour is not None:
            there, back = hour.lots
            found = between[hour.start : hour.end]
            figures = {"trades": len(found), "lots_there": there, "lots_back": back}
            yield _finding("ping_pong", instrument, (first, second), found, figures)


@dataclass(frozen=True, slots=True)
class _Hour:
    """A window over a pair's trades: trades and lots that the first account bought, and that it sold."""

    start: int
    end: int
    trades: tuple[int, int]
    lots: tuple[int, int]

    @property
    def is_suspect(self) -> bool:
        enough = min(self.trades) >= PING_PONG_TRADES_MIN
        return enough and min(self.lots) * 1_000_000 >= max(self.lots) * PING_PONG_BALANCE_PPM


def _hours(trades: Sequence[Trade], first: str) -> Iterator[_Hour]:
    """Give the suspect windows that end with each trade, in one pass."""
    start, counts, lots = 0, [0, 0], [0, 0]
    for end, last in enumerate(trades):
        counts[last.seller == first] += 1
        lots[last.seller == first] += last.quantity_lots
        while last.at_us - trades[start].at_us > PING_PONG_WINDOW_US:
            gone = trades[start]
            counts[gone.seller == first] -= 1
            lots[gone.seller == first] -= gone.quantity_lots
            start += 1
        hour = _Hour(start, end + 1, (counts[0], counts[1]), (lots[0], lots[1]))
        if hour.is_suspect:
            yield hour


def _finding(
    kind: str, instrument: str, accounts: tuple[str, ...], trades: Sequence[Trade], figures: dict[str, int]
) -> Finding:
    named = tuple(trade.id for trade in trades[:REFERENCES_MAX])
    return Finding(kind, instrument, accounts, trades[0].at_us, trades[-1].at_us, figures, named)
