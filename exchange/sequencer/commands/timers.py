"""What falls due by itself: at its moment the writer runs it as a `RunDue`, journaled with what it did.

A family has a kind of deadline here and sets moments with `state.deadlines.set((kind, id), at)`, from rows
too when the state is rebuilt. A step that cannot be taken yet (the book is halted, say) returns False or is
refused, and is tried again a second later; what it has done until then stands.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from core.errors import CuxError
from exchange.sequencer import protocol as p
from exchange.sequencer.commands import auctions, cancels, deadman, phases
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.deadlines import Key
from exchange.sequencer.state import AUCTION, DEAD_MAN, EXPIRY, RUNAWAY, State

Step = Callable[[Decider, str], bool]
"""Takes the step for what the key names, and tells whether it is done."""

STEPS: Final[Mapping[str, Step]] = {
    AUCTION: auctions.step,
    EXPIRY: cancels.expire,
    DEAD_MAN: deadman.fire,
    RUNAWAY: phases.halt,
}
RETRY_AFTER: Final = timedelta(seconds=1)
AT_ONCE: Final = 500
"""The most that one such command does: what is due beyond it follows in the next, before any other."""


def next_due(state: State) -> datetime | None:
    """Return when something falls due next."""
    return state.deadlines.first()


def what_is_due(state: State, now: datetime) -> p.RunDue | None:
    """Return the command that does what is due, or None."""
    due = state.deadlines.due(now, AT_ONCE)
    return p.RunDue(tuple(due)) if due else None


def run_due(decider: Decider, command: p.RunDue) -> dict[str, Any]:
    """Take the steps that are due; the body lists those taken."""
    return {"done": [key for key in command.due if _take(decider, key)]}


def _take(decider: Decider, key: Key) -> bool:
    deadlines = decider.state.deadlines
    if not deadlines.is_due(key, decider.changes.now):
        return False  # a step before this one has settled it
    deadlines.clear(key)
    kind, id = key
    try:
        done = STEPS[kind](decider, id)
    except CuxError:
        done = False
    if not done:
        deadlines.set(key, decider.changes.now + RETRY_AFTER)
    return done
