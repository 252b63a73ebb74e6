"""What must hold whatever is said to an engine, each as a function that asserts it of a conversation.

They take the engine's protocol module, so that a mutated engine can be held against them too, and speak
JSON with it.
"""

from collections import defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec

from tests.oracles.naive_book import NaiveBook
from tests.property.engine_commands import Json

SHOW = {"op": "book"}


class Talk:
    """A conversation with an engine of its own."""

    def __init__(self, protocol: ModuleType) -> None:
        self.protocol = protocol
        self.session = protocol.Session()

    @property
    def engine(self) -> Any:
        return self.session.engine

    def say(self, *commands: Json) -> list[list[Json]]:
        """Events of each command."""
        known = [msgspec.convert(command, self.protocol.Command) for command in commands]
        said = [self.session.apply(command) for command in known]
        events: list[list[Json]] = msgspec.json.decode(msgspec.json.encode(said))
        return events

    def orders(self) -> dict[str, Any]:
        """Resting orders by id, oldest priority first."""
        return {order.id: order for order in self.engine.snapshot()}


def agrees_with_the_naive_book(protocol: ModuleType, commands: list[Json]) -> None:
    talk, oracle = Talk(protocol), NaiveBook()
    for command in commands:
        assert talk.say(command, SHOW) == [oracle.apply(command), oracle.apply(SHOW)]
        assert talk.engine.depth(99) == (oracle.depth("buy"), oracle.depth("sell"))


def never_crossed(protocol: ModuleType, commands: list[Json]) -> None:
    """In continuous trading bids are below asks, and nothing rests that is for auctions only."""
    talk = Talk(protocol)
    for command in commands:
        talk.say(command)
        if talk.engine.current_phase == "continuous":
            resting = talk.orders().values()
            bids = [order.price for order in resting if order.side == "buy"]
            asks = [order.price for order in resting if order.side == "sell" and not order.end]
            assert not (bids and asks) or max(bids) < min(asks)
            assert all(order.type == "limit" and order.tif == "GTC" for order in resting)


def quantity_is_conserved(protocol: ModuleType, commands: list[Json]) -> None:
    """Accepted (or last replaced) = trades + canceled + open, for every order at any time."""
    talk = Talk(protocol)
    left: dict[str, int] = defaultdict(int)
    for command in commands:
        for event in talk.say(command)[0]:
            match event:
                case {"ev": "accepted", "id": id}:
                    left[id] = command["qty"]
                case {"ev": "replaced", "id": id, "qty": qty}:
                    left[id] = qty
                case {"ev": "trade", "maker": maker, "taker": taker, "qty": qty}:
                    left[maker] -= qty
                    left[taker] -= qty
                case {"ev": "canceled", "id": id, "qty": qty}:
                    left[id] -= qty
        assert {id: qty for id, qty in left.items() if qty} == {
            id: order.qty for id, order in talk.orders().items()
        }


def no_fill_is_worse_than_a_limit(protocol: ModuleType, commands: list[Json]) -> None:
    """Nor does a buy by budget spend more than that."""
    talk = Talk(protocol)
    known: dict[str, Json] = {}
    for command in commands:
        spent = 0
        for event in talk.say(command)[0]:
            if event["ev"] == "accepted":
                known[event["id"]] = dict(command)
            if event["ev"] == "replaced":
                known[event["id"]]["price"] = event["price"]
            if event["ev"] == "trade":
                spent += event["price"] * event["qty"]
                for order in (known[event["maker"]], known[event["taker"]]):
                    sign = 1 if order["side"] == "buy" else -1
                    assert order["type"] == "market" or sign * event["price"] <= sign * order["price"]
        assert command.get("budget", 0) <= 0 or spent <= command["budget"]


def price_time_priority(protocol: ModuleType, commands: list[Json]) -> None:
    """A taker meets eligible orders by price and age and passes over none; an auction takes in that order."""
    talk = Talk(protocol)
    for command in commands:
        before = list(talk.orders().values())
        call = talk.engine.current_phase != "continuous"
        (events,) = talk.say(command)
        trades = [event for event in events if event["ev"] == "trade"]
        met = [event["maker"] for event in trades]
        if call:
            met += [event["taker"] for event in trades]
        elif command["op"] in ("new", "replace"):
            met = [
                event["maker"] if event["ev"] == "trade" else event["id"]
                for event in events[1:]
                if event["ev"] in ("trade", "canceled")
            ]
        for side in ("buy", "sell"):
            taken = [o.id for o in before if o.side == side and o.id in met and o.id != command.get("id")]
            if taken:
                first_met = list(dict.fromkeys(id for id in met if id in taken))
                queue = [o.id for o in by_priority(before, side) if _suits({} if call else command, o)]
                assert queue[: len(taken)] == (sorted(first_met, key=queue.index) if call else first_met)


def by_priority(orders: list[Any], side: str) -> list[Any]:
    sign = -1 if side == "buy" else 1
    ordinary = [order for order in orders if order.side == side]
    return sorted(ordinary, key=lambda o: (o.type == "limit", sign * o.price, o.priority))


def _suits(taker: Json, maker: Any) -> bool:
    if maker.end and not 0 < taker.get("min_end", 0) <= maker.end:
        return False
    only, ignore = taker.get("only"), taker.get("ignore", ())
    return (not only or maker.account in only) and maker.account not in ignore


def shown_lots_are_those_of_the_orders(protocol: ModuleType, commands: list[Json]) -> None:
    talk = Talk(protocol)
    for command in commands:
        talk.say(command)
        lots: dict[tuple[str, int], int] = defaultdict(int)
        for order in talk.orders().values():
            assert order.slice <= min(order.display, order.qty)
            if order.type == "limit" and not order.end:
                lots[order.side, order.price] += order.slice if order.display else order.qty
        for side, levels in zip(("buy", "sell"), talk.engine.depth(99), strict=True):
            assert {(side, p): q for p, q, _ in levels} == {at: q for at, q in lots.items() if at[0] == side}
        assert all(talk.engine.level_lots(side, price) == q for (side, price), q in lots.items())


def a_refusal_changes_nothing(protocol: ModuleType, commands: list[Json]) -> None:
    talk = Talk(protocol)
    for command in commands:
        before = talk.engine.snapshot_bytes()
        (events,) = talk.say(command)
        if events[0]["ev"] == "rejected" or command["op"] in ("book", "indicative"):
            assert len(events) == 1
            assert talk.engine.snapshot_bytes() == before


def foresight_is_what_then_happens(protocol: ModuleType, commands: list[Json]) -> None:
    """On its excerpt of the book an order does what it does on the whole, as far as `reach` said."""
    talk = Talk(protocol)
    for command in commands:
        if command["op"] == "new" and talk.engine.order(command["id"]) is None:
            reach = talk.engine.reach(msgspec.convert(command, protocol.Order))
            apart = Talk(protocol)
            apart.session.engine = talk.engine.excerpt(msgspec.convert(command, protocol.Order))
            foreseen, happened = *apart.say(command), *talk.say(command)
            assert foreseen == happened
            trades = [event for event in happened if event["ev"] == "trade"]
            prices = [event["price"] for event in trades if not event.get("resale")]
            refused = happened[0]["ev"] == "rejected"
            assert refused or reach == ((prices[0], prices[-1]) if prices else None)
        else:
            talk.say(command)


def replay_is_identical_from_any_checkpoint(protocol: ModuleType, commands: list[Json]) -> None:
    """Snapshot and tail give the bytes of the whole: the same events, and the same state after each."""
    straight = Talk(protocol)
    states, events = [straight.engine.snapshot_bytes()], []
    for command in commands:
        events += straight.say(command)
        states.append(straight.engine.snapshot_bytes())
    for cut in {0, len(commands) // 4, len(commands) // 2, len(commands) * 3 // 4}:
        resumed = Talk(protocol)
        resumed.session.engine = protocol.Engine.restore_bytes(states[cut])
        assert resumed.engine.snapshot_bytes() == states[cut]
        for place in range(cut, len(commands)):
            assert resumed.say(commands[place]) == [events[place]]
            assert resumed.engine.snapshot_bytes() == states[place + 1]
        assert resumed.engine.state_hash() == straight.engine.state_hash()


def equal_hashes_are_equal_futures(protocol: ModuleType, commands: list[Json]) -> None:
    """The hash changes exactly if something but priority numbers does, and rows restore to the same hash."""
    talk = Talk(protocol)
    hashes: dict[str, Any] = {}
    for command in commands:
        talk.say(command)
        engine = talk.engine
        state = (engine.current_phase, [_without_number(order) for order in engine.snapshot()])
        digest = engine.state_hash()
        assert hashes.setdefault(digest, state) == state
        assert protocol.Engine.restore(engine.snapshot(), engine.current_phase).state_hash() == digest
    assert len({str(state) for state in hashes.values()}) == len(hashes)


def _without_number(order: Any) -> Json:
    fields: Json = msgspec.to_builtins(order)
    fields.pop("priority")
    return fields


PROPERTIES: dict[str, Callable[[ModuleType, list[Json]], None]] = {
    check.__name__: check
    for check in (
        agrees_with_the_naive_book,
        never_crossed,
        quantity_is_conserved,
        no_fill_is_worse_than_a_limit,
        price_time_priority,
        shown_lots_are_those_of_the_orders,
        a_refusal_changes_nothing,
        foresight_is_what_then_happens,
        replay_is_identical_from_any_checkpoint,
        equal_hashes_are_equal_futures,
    )
}
