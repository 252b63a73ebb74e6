"""Call auctions: started by command or by a volatility interruption, then step by step on time.

Whoever starts one, it goes the same way: phase `auction`, then `no_cancel`, then an uncross at a random
instant, then the phase it was to end in. Each step is journaled with what it did to the book.
"""

import uuid
from datetime import datetime
from typing import Any

from core.errors import Code, CuxError
from exchange.engine.events import Indicative
from exchange.engine.orders import Phase
from exchange.engine.protocol import Expire, Uncross
from exchange.sequencer import protocol as p
from exchange.sequencer.auctions import (
    ENDS_IN,
    STARTS_FROM,
    AuctionKind,
    AuctionState,
    Periods,
    opened,
)
from exchange.sequencer.changes import Changes
from exchange.sequencer.commands import cancels, capacity, standing
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.commands.transition import enter_phase
from exchange.sequencer.fills import apply_events
from exchange.sequencer.state import Market


def start(decider: Decider, command: p.StartAuction) -> dict[str, Any]:
    """Start an auction in a market that has none.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT, AUCTION_RUNNING, INSTRUMENT_NOT_TRADING (not from this phase),
            INVALID_FIELD (periods, or the phase it is to end in).
    """
    market = decider.market(command.instrument)
    periods = Periods(command.input_s, command.no_cancel_s, command.random_close_s)
    if market.auction is not None:
        raise CuxError(Code.AUCTION_RUNNING)
    if market.engine.current_phase not in STARTS_FROM[command.kind]:
        raise CuxError(Code.INSTRUMENT_NOT_TRADING)
    if command.then_phase not in ENDS_IN[command.kind]:
        raise CuxError(Code.INVALID_FIELD, param="then_phase")
    if not periods.are_allowed:
        raise CuxError(Code.INVALID_FIELD, "These periods make no auction.", param="input_s")
    auction = begin(
        decider,
        market,
        id=command.auction_id,
        kind=command.kind,
        periods=periods,
        then_phase=command.then_phase,
        delivers_until=command.delivers_until,
    )
    return auction.view()


def begin(
    decider: Decider,
    market: Market,
    *,
    id: uuid.UUID,
    kind: AuctionKind,
    periods: Periods,
    then_phase: Phase,
    delivers_until: datetime | None = None,
) -> AuctionState:
    """Open the input phase, and let standing offers enter."""
    enter_phase(decider, market, "auction")
    auction = market.auction = opened(
        id=id,
        instrument_id=market.instrument.id,
        kind=kind,
        reference_ticks=market.reference_ticks,
        periods=periods,
        then_phase=then_phase,
        now=decider.changes.now,
        delivers_until=delivers_until,
    )
    standing.enter_all(decider, market, auction)
    _note(decider, market, auction)
    return auction


def step(decider: Decider, symbol: str) -> bool:
    """Take the auction of an instrument a step further, when that is due."""
    market = decider.market(symbol)
    auction = market.auction
    if auction is None:
        return True
    if auction.state == "input":
        cancels.expire_until(decider, market, auction.closes_at)
        enter_phase(decider, market, "no_cancel")
        auction.state = "no_cancel"
    elif auction.state == "no_cancel":
        auction.state = "random_close"
        auction.draw(decider.changes.now)
    else:
        _close(decider, market, auction)
    _note(decider, market, auction)
    return True


def abandon(decider: Decider, market: Market) -> None:
    """End a running auction without an uncross, because the market is stopped. Its own orders leave."""
    auction = market.auction
    if auction is not None:
        _cancel_own_orders(decider, market)
        auction.take(Indicative(None, 0, 0))
        _end(decider, market, auction)
        _note(decider, market, auction)


def refresh(changes: Changes) -> None:
    """Work out anew what would trade in each market with an auction that the batch has changed."""
    for change in list(changes.markets.values()):
        auction = change.market.auction
        if auction is None:
            continue
        outcome = change.market.engine.indicative(auction.reference_ticks)[0]
        assert isinstance(outcome, Indicative)
        if auction.take(outcome):
            changes.auction(change.market, auction)


def _close(decider: Decider, market: Market, auction: AuctionState) -> None:
    """Uncross, unless the time in which the compute could be drawn is over; then go to the next phase."""
    if auction.delivers_until is not None and auction.delivers_until <= decider.changes.now:
        _cancel_own_orders(decider, market)
        auction.take(Indicative(None, 0, 0))
    else:
        capacity.end_unbacked(decider, market)
        events = decider.apply(market, Uncross(auction.reference_ticks))
        assert isinstance(events[0], Indicative)
        auction.take(events[0])
        apply_events(decider.state, decider.changes, market, None, events)
    _end(decider, market, auction)
    try:
        enter_phase(decider, market, auction.then_phase)
    except CuxError:  # nothing was uncrossed, and the book is crossed: the next auction finds it so
        enter_phase(decider, market, "pre_open")


def _end(decider: Decider, market: Market, auction: AuctionState) -> None:
    auction.state = "done"
    auction.ended_at = decider.changes.now
    market.auction = None


def _cancel_own_orders(decider: Decider, market: Market) -> None:
    """End the orders that were for this auction only."""
    for resting in [order for order in market.engine.snapshot() if order.tif == "GFA"]:
        order = decider.state.orders[resting.id]
        events = decider.apply(market, Expire(resting.id))
        apply_events(decider.state, decider.changes, market, order, events, reason="auction")


def _note(decider: Decider, market: Market, auction: AuctionState) -> None:
    """Have the auction written and told, and its next step taken on time."""
    decider.changes.auction(market, auction)
    decider.state.set_auction(market, None if auction.state == "done" else auction)
