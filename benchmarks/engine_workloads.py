"""Seeded conversations with an engine, in the manner of markets that stand, drift, swing and crash.

Half of the messages are new limit orders (one in seven never rests), most others cancels, the rest replaces:
the mix of an exchange's day. Orders lie on both sides of a price that moves by the scenario's path; most are
passive. Accounts are few and prevent self-trades, so that this happens too.
"""

import math
import random
from collections.abc import Callable

from exchange.engine import Engine, Order
from exchange.engine.events import Canceled, Rejected
from exchange.engine.orders import TimeInForce
from exchange.engine.protocol import Cancel, Operation, Replace, apply

SEED = 20_240_229
MIDDLE_TICKS = 30_000
LIVE = 2_000
"""Orders among which cancels and replaces choose; some are filled by then, so that refusals occur too."""


def _swing(share: float) -> Callable[[float], float]:
    return lambda at: 1 + share * math.sin(at * 8 * math.pi)


def _crash(at: float) -> float:
    """Falls by 35 % within a fiftieth of the day, and comes back over a fifth."""
    return 1 - 0.35 * max(0.0, min((at - 0.5) * 50, 1 - (at - 0.52) * 5))


SCENARIOS: dict[str, Callable[[float], float]] = {
    "static": lambda at: 1.0,
    "normal": lambda at: 1 + 0.02 * math.sin(at * 2 * math.pi),
    "swing-25": _swing(0.25),
    "swing-40": _swing(0.40),
    "flash-crash": _crash,
}
"""The price as a share of its start, over the part of the day that is gone."""


def workload(scenario: str, messages: int) -> list[Operation]:
    """Return the messages of a scenario."""
    rng = random.Random(SEED)
    path = SCENARIOS[scenario]
    live: list[str] = []
    operations: list[Operation] = []
    for number in range(messages):
        middle = round(MIDDLE_TICKS * path(number / messages))
        draw = rng.random()
        if draw < 0.5 or not live:
            live.append(f"o{number}")
            operations.append(_new_order(rng, live[-1], middle))
            continue
        place = rng.randrange(len(live))
        live[place], live[-1] = live[-1], live[place]
        if draw < 0.59 and len(live) < LIVE:
            operations.append(Replace(live[-1], middle + rng.randint(-60, 60), rng.randint(1, 100)))
        else:
            operations.append(Cancel(live.pop()))
    return operations


def plain(operations: list[Operation]) -> list[Operation]:
    """Return only resting limit orders and cancels that find their order, for engines that know no more.

    Every order has an account of its own.
    """
    engine = Engine()
    kept: list[Operation] = []
    for operation in operations:
        if isinstance(operation, Order):
            if operation.tif != "GTC":
                continue
            operation.account = operation.id
            kept.append(copy(operation))
            apply(engine, operation)
        elif isinstance(operation, Cancel) and isinstance(apply(engine, operation)[0], Canceled):
            kept.append(operation)
    return kept


def auction(orders: int) -> Engine:
    """Return an engine in a call with orders on both sides, most of which overlap."""
    rng = random.Random(SEED)
    engine = Engine()
    engine.phase("auction")
    for number in range(orders):
        side_sign = 1 if number % 2 else -1
        price = MIDDLE_TICKS + side_sign * rng.randint(-40, 200)
        order = _new_order(rng, f"o{number}", price, tif="GTC")
        order.side, order.price = ("buy" if number % 2 else "sell"), price
        if isinstance(engine.new(order)[0], Rejected):
            raise ValueError("an auction takes every order of this kind")
    return engine


def copy(operation: Operation) -> Operation:
    """Return what an engine may keep and change: a new order is its own copy, the rest are read only."""
    if isinstance(operation, Order):
        fields = {name: getattr(operation, name) for name in Order.__struct_fields__}
        return Order(**fields)
    return operation


def _new_order(rng: random.Random, id: str, middle: int, tif: TimeInForce | None = None) -> Order:
    """A limit order near the middle, most often passive."""
    buys = rng.random() < 0.5
    distance = int(rng.expovariate(1 / 40)) - 4
    drawn: TimeInForce = rng.choices(["GTC", "IOC", "FOK"], [86, 11, 3])[0]  # type: ignore[assignment]
    return Order(
        id=id,
        account=f"a{rng.randrange(50)}",
        side="buy" if buys else "sell",
        tif=tif or drawn,
        price=max(1, middle - distance if buys else middle + distance),
        qty=rng.randint(1, 100),
        stp=rng.choice(["cancel_taker", "cancel_maker", "cancel_both", "decrement"]),
    )
