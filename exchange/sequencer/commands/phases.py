"""Trading phases."""

from typing import Any

from exchange.engine.protocol import SetPhase
from exchange.sequencer import protocol as p
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.fills import apply_events


def set_phase(decider: Decider, command: p.SetPhase) -> dict[str, Any]:
    """Change the trading phase; a crossed book cannot go to `continuous`."""
    market = decider.market(command.instrument)
    events = decider.apply(market, SetPhase(command.phase))
    apply_events(decider.state, decider.changes, market, None, events)
    decider.changes.phase(market, command.phase)
    return {"instrument": command.instrument, "phase": command.phase}
