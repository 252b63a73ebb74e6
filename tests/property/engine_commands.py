"""Random conversations with an engine: few ids, prices and accounts, so that everything collides."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

BACK = st.integers(0, 9)
"""Which order a command means, counted back from the latest; `named` makes ids of it."""
PRICES = st.integers(98, 103)
QUANTITIES = st.integers(1, 6)
STP = ["none", "cancel_taker", "cancel_maker", "cancel_both", "decrement"]
SIDES = st.sampled_from(["buy", "sell"])
ACCOUNTS = st.sampled_from("ABC")
WANTED = st.lists(ACCOUNTS, max_size=2)
ENDS = st.integers(1, 3)
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "display": st.integers(-1, 4),
    "min_qty": st.integers(-1, 9),
    "only": WANTED,
    "ignore": WANTED,
    "end": st.integers(-1, 3),
    "min_end": st.integers(-1, 3),
    "budget": st.integers(-1, 800),
}


@st.composite
def new_orders(draw: st.DrawFn, tifs: Sequence[str], odd: bool = False) -> Json:
    """A new order, now and then with an option; with `odd` any mix of fields, the refused ones too."""
    kind = draw(st.sampled_from(["limit", "limit", "limit", "market"]))
    order = {
        "op": "new",
        "id": draw(BACK),
        "account": draw(ACCOUNTS),
        "side": draw(SIDES),
        "type": kind,
        "tif": draw(st.sampled_from(tifs)),
        "qty": draw(st.integers(0, 9) if odd else QUANTITIES),
        "post_only": draw(st.booleans()) if odd else False,
        "stp": draw(st.sampled_from(STP)),
    }
    if kind == "limit":
        order["price"] = draw(st.one_of(PRICES, st.just(0)) if odd else PRICES)
    return order | (draw(st.fixed_dictionaries({}, optional=OPTIONS)) if odd else draw(options(order)))


def options(order: Json) -> st.SearchStrategy[Json]:
    """Options that suit an order, most often none."""
    if order["tif"] in ("IOC", "FOK"):
        buys = {"min_end": ENDS, "budget": OPTIONS["budget"]} if order["side"] == "buy" else {}
        chosen = {"min_qty": st.integers(1, order["qty"]), "only": WANTED, "ignore": WANTED} | buys
    elif order["type"] == "market":
        return st.just({})
    else:
        ends = {"end": ENDS} if order["side"] == "sell" and order["tif"] == "GTC" else {}
        chosen = {"display": st.integers(1, 4)} | ends
    one = [st.fixed_dictionaries({name: value}) for name, value in chosen.items()]
    return st.one_of(st.just({}), *one)


def replaces() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"op": st.just("replace"), "id": BACK, "price": PRICES, "qty": QUANTITIES})


def cancels() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"op": st.sampled_from(["cancel", "cancel", "expire"]), "id": BACK})


def phase(name: str) -> Json:
    return {"op": "phase", "phase": name}


def phases() -> st.SearchStrategy[Json]:
    names = (
        ["continuous"] * 4 + ["auction"] * 2 + ["pre_open", "no_cancel", "cancel_only", "halted", "closed"]
    )
    return st.sampled_from(names).map(phase)


def auctions() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"op": st.sampled_from(["indicative", "uncross", "uncross"]), "reference_price": PRICES}
    )


def conversation(**weights: int) -> st.SearchStrategy[list[Json]]:
    """Often a long one, which Hypothesis would seldom draw by itself; a short one shrinks better."""
    kinds = [KINDS[name] for name, weight in weights.items() for _ in range(weight)]
    command = st.sampled_from(kinds).flatmap(lambda kind: kind)
    return st.integers(0, 40).flatmap(lambda n: st.lists(command, min_size=n, max_size=n + 20)).map(named)


def as_window(drawn: tuple[Json, int]) -> Json:
    order, end = drawn
    return order | {
        "side": "sell",
        "type": "limit",
        "price": order.get("price", 100),
        "end": end,
        "display": 0,
    }


def as_seeker(drawn: tuple[Json, int]) -> Json:
    order, min_end = drawn
    return order | {"side": "buy", "min_end": min_end}


def as_budgeted(drawn: tuple[Json, int]) -> Json:
    order, budget = drawn
    order = {name: order[name] for name in ("op", "id", "account", "tif", "qty", "post_only", "stp")}
    return order | {"side": "buy", "type": "market", "budget": budget}


def named(commands: list[Json]) -> list[Json]:
    """Give new orders fresh ids, but now and then one that was used before, and others recent ones."""
    latest = 0
    result = []
    for command in commands:
        back = command.get("id", 0)
        latest += command["op"] == "new" and back != 9
        place = latest if command["op"] == "new" else max(1, latest - back)
        result.append(command | ({"id": f"o{place}"} if "id" in command else {}))
    return result


KINDS: dict[str, st.SearchStrategy[Json]] = {
    "new": new_orders(["GTC", "GTC", "GTC", "IOC", "FOK"]),
    "resting": new_orders(["GTC"]),
    "taking": new_orders(["IOC", "IOC", "FOK"]),
    "called": new_orders(["GTC", "GTC", "GFA"]),
    "window": st.tuples(new_orders(["GTC"]), ENDS).map(as_window),
    "seeker": st.tuples(new_orders(["IOC"]), ENDS).map(as_seeker),
    "budgeted": st.tuples(new_orders(["IOC"]), st.integers(98, 800)).map(as_budgeted),
    "odd": new_orders(["GTC", "IOC", "FOK", "GFA"], odd=True),
    "replace": replaces(),
    "cancel": cancels(),
    "phase": phases(),
    "auction": auctions(),
    "book": st.just({"op": "book"}),
}
TAKING = conversation(resting=8, taking=8, replace=1)
"""Much that rests, and orders that never do."""
BUDGETED = conversation(resting=4, budgeted=2)
"""Buys that may spend no more than an amount, and what they can buy."""
CONTINUOUS = st.one_of(conversation(new=12, replace=3, cancel=2), TAKING)
"""Trading in one phase."""
ANYTHING = conversation(new=12, called=4, odd=2, replace=3, cancel=2, phase=3, auction=2, book=1)
"""Every command, with phase changes in between."""
AUCTION = st.tuples(
    conversation(called=12, replace=2, cancel=2),
    st.sampled_from([[], [phase("no_cancel")]]),
    conversation(called=6, replace=6, auction=2),
).map(lambda parts: [phase("auction"), *parts[0], *parts[1], *parts[2], phase("continuous")])
"""An auction from its beginning, perhaps with a phase in which orders may only improve."""
RESALE = conversation(window=6, resting=3, seeker=4, cancel=1)
"""Windows offered for resale among ordinary orders, and buys that ask for them."""
COMMANDS = st.one_of(CONTINUOUS, ANYTHING, AUCTION, RESALE)
