"""Marking the close: late orders of one account that move an auction's price."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from exchange.surveillance.facts import REFERENCES_MAX, SECOND_US, Auction, Finding, Order, Trade

LATE_US: Final = 60 * SECOND_US
"""How long before the uncross an order counts as late, at most: not while cancels were still free."""
SHARE_PPM: Final = 500_000
"""The part of the auction's volume that late orders of one account traded."""
MOVE_PPM: Final = 20_000
"""How far the auction's price went from its reference, in the direction of those orders."""


def marking_the_close(
    auctions: Iterable[Auction], orders: Iterable[Order], trades: Iterable[Trade]
) -> Iterator[Finding]:
    """Find auctions whose price moved with the late orders of one account, which were most of the volume."""
    entered = {order.id: order.entered_us for order in orders}
    made: defaultdict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        made[trade.auction].append(trade)
    for auction in auctions:
        move_ppm = abs(auction.price_ticks - auction.reference_ticks) * 1_000_000 // auction.reference_ticks
        if move_ppm >= MOVE_PPM:
            for account, late in _late(auction, made[auction.id], entered).items():
                lots = sum(trade.quantity_lots for trade in late)
                if lots * 1_000_000 >= SHARE_PPM * auction.volume_lots:
                    yield _finding(auction, account, late, lots, move_ppm)


def _late(auction: Auction, trades: Iterable[Trade], entered: Mapping[str, int]) -> dict[str, list[Trade]]:
    """Return by account the trades of its late orders on the side towards which the price moved."""
    is_up = auction.price_ticks > auction.reference_ticks
    late_from = _late_from_us(auction)
    late: defaultdict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        order, account = (trade.buy_order, trade.buyer) if is_up else (trade.sell_order, trade.seller)
        if entered.get(order, 0) >= late_from:
            late[account].append(trade)
    return late


def _late_from_us(auction: Auction) -> int:
    """In a short auction everybody comes within a minute: late is who came when orders had to stay."""
    return max(auction.ended_us - LATE_US, auction.no_cancel_us)


def _finding(auction: Auction, account: str, late: Sequence[Trade], lots: int, move_ppm: int) -> Finding:
    return Finding(
        "marking_the_close",
        auction.instrument,
        (account,),
        _late_from_us(auction),
        auction.ended_us,
        {
            "lots": lots,
            "share_ppm": lots * 1_000_000 // auction.volume_lots,
            "move_ppm": move_ppm,
            "reference_ticks": auction.reference_ticks,
            "price_ticks": auction.price_ticks,
        },
        (auction.id, *(trade.id for trade in late[: REFERENCES_MAX - 1])),
    )
