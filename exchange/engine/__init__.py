"""The matching engine: pure, deterministic, integers only. See `Engine` and `Order`."""

from exchange.engine.engine import Engine
from exchange.engine.orders import Order

__all__ = ["Engine", "Order"]
