"""The house's bots of a test market: what they quote and when. Pure."""

from exchange.bots.ladder import Quote, ladder
from exchange.bots.walk import walk_ticks

__all__ = ["Quote", "ladder", "walk_ticks"]
