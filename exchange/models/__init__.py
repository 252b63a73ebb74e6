"""Tables of the exchange."""

from exchange.models.command import Command, SequencerOwner
from exchange.models.cover import Cover
from exchange.models.entitlement import Entitlement
from exchange.models.instrument import Capacity, ComputeClass, Instrument
from exchange.models.order import Order
from exchange.models.trade import Trade

__all__ = [
    "Capacity",
    "Command",
    "ComputeClass",
    "Cover",
    "Entitlement",
    "Instrument",
    "Order",
    "SequencerOwner",
    "Trade",
]
