"""Two matching engines of the Python package index under one interface: what each can do with plain orders.

They are in an environment of their own (`requirements-bench.txt`): one of them needs a data-frame library.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from lightmatchingengine.lightmatchingengine import LightMatchingEngine
from lightmatchingengine.lightmatchingengine import Side as LightSide
from loguru import logger
from order_matching.enums import Side as MatchingSide
from order_matching.matching_engine import MatchingEngine
from order_matching.order import LimitOrder
from order_matching.orders import Orders

from exchange.engine import Engine, Order
from exchange.engine.events import Trade
from exchange.engine.protocol import Cancel, Operation


class Rival(Protocol):
    """Takes plain orders and cancels."""

    def run(self, operations: Sequence[Operation]) -> int:
        """Carry out the operations in a fresh book, making the engine's own orders of them; lots traded."""


class Ours:
    """This project's engine, with self-trade prevention and all its events."""

    def run(self, operations: Sequence[Operation]) -> int:
        """Carry out the operations."""
        engine, lots = Engine(), 0
        for given in operations:
            if isinstance(given, Order):
                order = Order(
                    id=given.id,
                    account=given.account,
                    side=given.side,
                    price=given.price,
                    qty=given.qty,
                    stp="cancel_taker",
                )
                for event in engine.new(order):
                    if type(event) is Trade:
                        lots += event.qty
            elif isinstance(given, Cancel):
                engine.cancel(given.id)
        return lots


class Light:
    """`lightmatchingengine`: it numbers orders itself, and reports a match as two trades."""

    def run(self, operations: Sequence[Operation]) -> int:
        """Carry out the operations."""
        engine, lots, numbers = LightMatchingEngine(), 0, {}
        for given in operations:
            if isinstance(given, Order):
                side = LightSide.BUY if given.side == "buy" else LightSide.SELL
                order, trades = engine.add_order("x", given.price, given.qty, side)
                numbers[given.id] = order.order_id
                for trade in trades:
                    if trade.order_id == order.order_id:
                        lots += trade.trade_qty
            elif isinstance(given, Cancel):
                engine.cancel_order(numbers[given.id], "x")
        return lots


class Matching:
    """`order-matching`: orders are placed, then matched at a time."""

    NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 (its orders never expire at the largest naive time)

    def run(self, operations: Sequence[Operation]) -> int:
        """Carry out the operations."""
        logger.disable("order_matching")
        engine, lots = MatchingEngine(seed=1), 0
        for given in operations:
            if isinstance(given, Order):
                order = LimitOrder(
                    side=MatchingSide.BUY if given.side == "buy" else MatchingSide.SELL,
                    price=given.price,
                    size=given.qty,
                    timestamp=self.NOON,
                    order_id=given.id,
                    trader_id=given.account,
                )
                engine.place(Orders([order]))
                lots += sum(trade.size for trade in engine.match(self.NOON).trades)
            elif isinstance(given, Cancel):
                engine.cancel_order(given.id)
        return lots
