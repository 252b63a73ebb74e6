"""The call auction: one price for everybody, found from the resting orders alone.

The rule (largest volume, smallest surplus, side of the surplus, nearest to the reference price) is
the one of CME, Xetra, ASX and HKEX, with the limit prices of resting orders as candidates.
"""

from typing import NamedTuple

from exchange.engine.book import Book, total
from exchange.engine.events import Canceled, Event, Indicative, Trade


class Candidate(NamedTuple):
    """What would be wanted and offered at a price, in lots."""

    price: int
    demand: int
    supply: int

    @property
    def volume(self) -> int:
        """Lots that would trade."""
        return min(self.demand, self.supply)

    @property
    def surplus(self) -> int:
        """Lots wanted beyond what is offered; negative if more is offered."""
        return self.demand - self.supply


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
    """Execute the auction and cancel the market orders that are left.

    Best bid trades with best ask at the auction price until the volume is done. Self-trade
    prevention does not apply.
    """
    outcome = indicative(book, reference_price)
    events: list[Event] = [outcome]
    if outcome.price is not None:
        _execute(book, outcome.price, outcome.volume, events)
    cancel_market_orders(book, events)
    return events


def cancel_market_orders(book: Book, events: list[Event]) -> None:
    """Cancel the market orders still resting, oldest priority first."""
    for order in book.market_orders():
        book.remove(order)
        events.append(Canceled(order.id, order.qty, "market"))
        order.qty = 0


def _candidates(book: Book, reference_price: int) -> list[Candidate]:
    """Every distinct limit price, lowest first, with demand and supply there; never empty."""
    bids = {price: lots for price, lots, _ in book.bids.quantities()}
    asks = {price: lots for price, lots, _ in book.asks.quantities()}
    demand = total(book.bids.market) + sum(bids.values())
    supply = total(book.asks.market)
    candidates = []
    for price in sorted(bids.keys() | asks.keys()) or [reference_price]:
        supply += asks.get(price, 0)
        candidates.append(Candidate(price, demand, supply))
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
    """Trade the volume. No trade can exceed what remains of it: that is all there is on one side."""
    while volume:
        bid, ask = book.bids.first(), book.asks.first()
        maker, taker = (bid, ask) if bid.priority < ask.priority else (ask, bid)
        qty = min(bid.qty, ask.qty)
        volume -= qty
        events.append(Trade(maker.id, taker.id, price, qty))
        for order in (bid, ask):
            order.qty -= qty
            if not order.qty:
                book.remove(order)
