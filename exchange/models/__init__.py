"""Tables of the exchange."""

from exchange.models.account import DeadMan, FeeTier, TradingAccount
from exchange.models.auction import Auction, AuctionSchedule, StandingOffer
from exchange.models.command import Command, SequencerOwner, Snapshot
from exchange.models.cover import Cover
from exchange.models.entitlement import Entitlement
from exchange.models.events import AccountEvent, MarketEvent
from exchange.models.index_price import IndexPrice
from exchange.models.instrument import Capacity, ComputeClass, Instrument
from exchange.models.minute import MinuteCandle, MinutesRolled
from exchange.models.order import Order
from exchange.models.trade import Bust, Trade

__all__ = [
    "AccountEvent",
    "Auction",
    "AuctionSchedule",
    "Bust",
    "Capacity",
    "Command",
    "ComputeClass",
    "Cover",
    "DeadMan",
    "Entitlement",
    "FeeTier",
    "IndexPrice",
    "Instrument",
    "MarketEvent",
    "MinuteCandle",
    "MinutesRolled",
    "Order",
    "SequencerOwner",
    "Snapshot",
    "StandingOffer",
    "Trade",
    "TradingAccount",
]
