"""Going from one trading phase to another, whoever wants it."""

from exchange.engine.orders import Phase
from exchange.engine.protocol import SetPhase
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.fills import apply_events
from exchange.sequencer.state import Market


def enter_phase(decider: Decider, market: Market, phase: Phase) -> None:
    """Change the trading phase; a crossed book cannot go to `continuous` (INSTRUMENT_NOT_TRADING)."""
    events = decider.apply(market, SetPhase(phase))
    apply_events(decider.state, decider.changes, market, None, events)
    decider.changes.phase(market, phase)
