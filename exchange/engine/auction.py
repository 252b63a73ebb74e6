"""The call auction: one price for everybody, found from the resting orders alone.

The rule (largest volume, smallest surplus, side of the surplus, nearest to the reference price) is
the one of CME, Xetra, ASX and HKEX, with the limit prices of resting orders as candidates. Icebergs
count in full, as at CME. Offers for resale take no part.
"""

from collections.abc import Iterator
from typing import TypeAlias

from exchange.engine.book import Book
from exchange.engine.events import Event, Indicative, Trade

Candidate: TypeAlias = tuple[int, int]
"""A price, and the lots wanted there beyond those offered; negative if more is offered."""


def indicative(book: Book, reference_price: int) -> Indicative:
    """What an uncross would do now; `reference_price` (ticks) settles what the orders leave open."""
    volume, candidates = _candidates(book, reference_price)
    if volume == 0:
        return Indicative(None, 0, 0)
    least = min(abs(surplus) for _, surplus in candidates)
    price, surplus = _settle_tie([c for c in candidates if abs(c[1]) == least], reference_price)
    return Indicative(price, volume, surplus)


def uncross(book: Book, reference_price: int) -> list[Event]:
    """Execute the auction and cancel what was there for it alone: market orders and good-for-auction ones.

    Best bid trades with best ask at the auction price until the volume is done. Self-trade
    prevention does not apply; such a trade is marked.
    """
    outcome = indicative(book, reference_price)
    events: list[Event] = [outcome]
    if outcome.price is not None:
        events += _trades(book, outcome.price, outcome.volume)
    cancel_auction_only(book, events)
    return events


def cancel_auction_only(book: Book, events: list[Event]) -> None:
    """Cancel the orders that rest for an auction and not beyond, oldest priority first."""
    events += [
        book.withdraw(order, "auction" if order.tif == "GFA" else "market") for order in book.auction_only()
    ]


def _candidates(book: Book, reference_price: int) -> tuple[int, list[Candidate]]:
    """The largest volume that any distinct limit price gives, and the prices that do, lowest first."""
    bids, asks = book.bids.totals(), book.asks.totals()
    demand = sum(order.qty for order in book.bids.market.values()) + sum(bids.values())
    supply = sum(order.qty for order in book.asks.market.values())
    best = 0
    candidates: list[Candidate] = []
    for price in sorted(bids.keys() | asks.keys()) or [reference_price]:
        supply += asks.get(price, 0)
        volume = min(demand, supply)
        if volume > best:
            best, candidates = volume, []
        if volume == best:
            candidates.append((price, demand - supply))
        demand -= bids.get(price, 0)
    return best, candidates


def _settle_tie(candidates: list[Candidate], reference_price: int) -> Candidate:
    """Of candidates equal in volume and absolute surplus, lowest price first, the one that holds."""
    if all(surplus > 0 for _, surplus in candidates):
        return candidates[-1]
    if all(surplus < 0 for _, surplus in candidates):
        return candidates[0]
    return min(candidates, key=lambda c: (abs(c[0] - reference_price), -c[0]))


def _trades(book: Book, price: int, volume: int) -> Iterator[Trade]:
    """Trade the volume, of which there is enough on either side; the older of two orders is the maker."""
    asks = iter(book.take_best(book.asks, volume))
    ask_left = 0
    for bid, bid_lots in book.take_best(book.bids, volume):
        bid_left = bid_lots
        while bid_left:
            if not ask_left:
                ask, ask_left = next(asks)
            lots = bid_left if bid_left < ask_left else ask_left
            bid_left -= lots
            ask_left -= lots
            maker, taker = (bid, ask) if bid.priority < ask.priority else (ask, bid)
            yield Trade(maker.id, taker.id, price, lots, bid.account == ask.account)
