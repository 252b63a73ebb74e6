"""Short ways to write an engine test: orders from a line of text, events as plain tuples."""

from typing import Any

from exchange.engine import Order
from exchange.engine.events import Event, as_protocol


def order(id: str, side: Any, qty: int, price: int = 0, account: str = "", **fields: Any) -> Order:
    """An order; without a price a market order; each has an account of its own unless named."""
    kind: dict[str, Any] = {"type": "limit"} if price else {"type": "market"}
    return Order(id=id, account=account or f"of {id}", side=side, qty=qty, price=price, **(kind | fields))


def plain(events: list[Event]) -> list[tuple[Any, ...]]:
    """Events as (kind, field values in the order of their declaration)."""
    return [tuple(as_protocol(event).values()) for event in events]


def resting(engine: Any) -> tuple[list[Any], list[Any]]:
    """Levels of bids and asks as (price, total, ids)."""
    (shown,) = engine.book()
    return shown.bids, shown.asks
