"""Random conversations with an engine: few ids, prices and accounts, so that everything collides."""

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

IDS = st.sampled_from([f"o{n}" for n in range(12)])
PRICES = st.integers(95, 105)
QUANTITIES = st.integers(1, 9)
STP = ["none", "cancel_taker", "cancel_maker", "cancel_both", "decrement"]
SIDES = st.sampled_from(["buy", "sell"])


@st.composite
def new_orders(draw: st.DrawFn, odd: bool) -> Json:
    """A new order; with `odd` any mix of fields, the refused ones too."""
    kind = draw(st.sampled_from(["limit", "limit", "limit", "market"]))
    order = {
        "op": "new",
        "id": draw(IDS),
        "account": draw(st.sampled_from("ABC")),
        "side": draw(SIDES),
        "type": kind,
        "tif": draw(st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK"])),
        "qty": draw(st.integers(0, 9) if odd else QUANTITIES),
        "post_only": draw(st.booleans()) if odd else False,
        "stp": draw(st.sampled_from(STP)),
    }
    if kind == "limit":
        order["price"] = draw(st.one_of(PRICES, st.just(0)) if odd else PRICES)
    return order


def replaces() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"op": st.just("replace"), "id": IDS, "price": PRICES, "qty": QUANTITIES})


def cancels() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"op": st.just("cancel"), "id": IDS})


def phases() -> st.SearchStrategy[Json]:
    names = ["continuous", "continuous", "continuous", "auction", "auction", "cancel_only", "halted"]
    return st.fixed_dictionaries({"op": st.just("phase"), "phase": st.sampled_from(names)})


def auctions() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"op": st.sampled_from(["indicative", "uncross", "uncross"]), "reference_price": PRICES}
    )


def conversation(*commands: st.SearchStrategy[Json]) -> st.SearchStrategy[list[Json]]:
    """Often a long one, which Hypothesis would seldom draw by itself; a short one shrinks better."""
    return st.integers(0, 40).flatmap(lambda n: st.lists(st.one_of(*commands), min_size=n, max_size=n + 20))


SENSIBLE, ODD = new_orders(odd=False), new_orders(odd=True)
CONTINUOUS = conversation(SENSIBLE, SENSIBLE, replaces(), cancels())
"""Trading in one phase."""
ANYTHING = conversation(
    *[SENSIBLE] * 5, ODD, replaces(), cancels(), phases(), auctions(), st.just({"op": "book"})
)
"""Every command, with phase changes in between."""
AUCTION = conversation(
    *[SENSIBLE.map(lambda order: order | {"tif": "GTC"})] * 5, replaces(), cancels(), auctions()
).map(lambda commands: [{"op": "phase", "phase": "auction"}, *commands])
"""An auction from its beginning."""
