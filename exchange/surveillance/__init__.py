"""Patterns of conduct that somebody should look at: pure detectors over what was ordered and traded.

A finding is a reason to look, never a verdict. Times are microseconds since 1970, accounts and ids are
texts as the outside knows them. The thresholds are constants beside each detector; `docs/surveillance.md`
says what they mean.
"""

from exchange.surveillance.facts import Auction, Finding, Order, Tape, Trade, Traffic
from exchange.surveillance.report import examine

__all__ = ["Auction", "Finding", "Order", "Tape", "Trade", "Traffic", "examine"]
