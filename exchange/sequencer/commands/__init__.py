"""What each command does: one module of handlers per family, called by the `Decider`."""

from exchange.sequencer.commands.decider import Decider, Reader
from exchange.sequencer.commands.table import HANDLERS

__all__ = ["HANDLERS", "Decider", "Reader"]
