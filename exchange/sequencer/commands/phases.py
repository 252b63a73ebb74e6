"""Trading phases by an operator's word."""

from typing import Any, Final

import structlog

from core.errors import Code, CuxError
from exchange.engine.orders import Phase
from exchange.sequencer import protocol as p
from exchange.sequencer.commands import auctions
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.commands.transition import enter_phase
from exchange.sequencer.runaway import Output

log = structlog.get_logger(__name__)

STOPS: Final[frozenset[Phase]] = frozenset({"cancel_only", "halted", "closed"})
"""The phases that may be set while an auction runs; they end it without an uncross."""


def halt(decider: Decider, symbol: str) -> bool:
    """Halt a market that runs away (see `runaway`), before the next command; operators reopen it."""
    market = decider.market(symbol)
    log.error("market_runs_away", instrument=symbol, trades=market.output.trades)
    market.output = Output()
    auctions.abandon(decider, market)
    enter_phase(decider, market, "halted")
    return True


def set_phase(decider: Decider, command: p.SetPhase) -> dict[str, Any]:
    """Change the trading phase; a crossed book cannot go to `continuous`.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT, INSTRUMENT_NOT_TRADING (the book is crossed), AUCTION_RUNNING (the
            phase is its own until it ends, unless the market is stopped).
    """
    market = decider.market(command.instrument)
    if market.auction is not None and command.phase not in STOPS:
        raise CuxError(Code.AUCTION_RUNNING)
    auctions.abandon(decider, market)
    enter_phase(decider, market, command.phase)
    return {"instrument": command.instrument, "phase": command.phase}
