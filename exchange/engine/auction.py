"""The call auction: one price for everybody, found from the resting orders alone.

The rule (largest volume, smallest surplus, side of the surplus, nearest to the reference price) is
the one of CME, Xetra, ASX and HKEX, with the limit prices of resting orders as candidates. Icebergs
count in full, as at CME. Offers for resale take no part.
"""

from typing import NamedTuple

from exchange.engine.book import Book
from exchange.engine.events import Canceled, Event, Indicative, Trade
from exchange.engine.orders import Order


class Candidate(NamedTuple):
    """A price, the lots that would trade there, and those wanted beyond what is offered (or negative)."""

    price: int
    volume: int
    surplus: int


def indicative(book: Book, reference_price: int) -> Indicative:
    """What an uncross would do now; `reference_price` (ticks) settles what the orders leave open."""
    candidates = _candidates(book, reference_price)
    volume = max(candidate.volume for candidate in candidates)
    if volume == 0:
        return Indicative(None, 0, 0)
    candidates = [candidate for candidate in candidates if candidate.volume == volume]
    imbalance = min(abs(candidate.surplus) for candidate in candidates)
    candidates = [candidate for candidate in candidates if abs(candidate.surplus) == imbalance]
    chosen = _settle_tie(candidates, reference_price)
    return Indicative(chosen.price, volume, chosen.surplus)


def uncross(book: Book, reference_price: int) -> list[Event]:
    """Execute the auction and cancel what was there for it alone: market orders and good-for-auction ones.

    Best bid trades with best ask at the auction price until the volume is done. Self-trade
    prevention does not apply; such a trade is marked.
    """
    outcome = indicative(book, reference_price)
    events: list[Event] = [outcome]
    if outcome.price is not None:
        _execute(book, outcome.price, outcome.volume, events)
    cancel_auction_only(book, events)
    return events


def cancel_auction_only(book: Book, events: list[Event]) -> None:
    """Cancel the orders that rest for an auction and not beyond, oldest priority first."""
    for order in book.auction_only():
        book.remove(order)
        events.append(Canceled(order.id, order.qty, "auction" if order.tif == "GFA" else "market"))
        order.qty = 0


def _candidates(book: Book, reference_price: int) -> list[Candidate]:
    """Every distinct limit price, lowest first; never empty."""
    bids, asks = book.bids.totals(), book.asks.totals()
    demand = sum(order.qty for order in book.bids.market.values()) + sum(bids.values())
    supply = sum(order.qty for order in book.asks.market.values())
    candidates = []
    for price in sorted(bids.keys() | asks.keys()) or [reference_price]:
        supply += asks.get(price, 0)
        candidates.append(Candidate(price, min(demand, supply), demand - supply))
        demand -= bids.get(price, 0)
    return candidates


def _settle_tie(candidates: list[Candidate], reference_price: int) -> Candidate:
    """Of candidates equal in volume and absolute surplus, lowest price first, the one that holds."""
    if all(candidate.surplus > 0 for candidate in candidates):
        return candidates[-1]
    if all(candidate.surplus < 0 for candidate in candidates):
        return candidates[0]
    return min(candidates, key=lambda c: (abs(c.price - reference_price), -c.price))


def _execute(book: Book, price: int, volume: int, events: list[Event]) -> None:
    """Trade the volume, of which there is enough on either side, then take it off the orders."""
    taken: list[tuple[Order, int]] = []
    bids, asks = book.bids.in_priority(), book.asks.in_priority()
    bid_left = ask_left = 0
    while volume:
        if not bid_left:
            bid = next(bids)
            bid_left = min(bid.qty, volume)
            taken.append((bid, bid_left))
        if not ask_left:
            ask = next(asks)
            ask_left = min(ask.qty, volume)
            taken.append((ask, ask_left))
        lots = bid_left if bid_left < ask_left else ask_left
        maker, taker = (bid, ask) if bid.priority < ask.priority else (ask, bid)
        events.append(Trade(maker.id, taker.id, price, lots, bid.account == ask.account))
        bid_left -= lots
        ask_left -= lots
        volume -= lots
    for order, lots in taken:
        book.take(order, lots)
