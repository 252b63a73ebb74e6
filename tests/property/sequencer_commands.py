"""Random commands to the sequencer: three traders, few prices, every kind of order and every phase."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from exchange.engine.protocol import Uncross
from exchange.sequencer import protocol as p
from exchange.sequencer.fills import apply_events
from tests.sequencer_memory import START, Desk
from tests.unit.sequencer.test_risk import instrument

TRADERS = [UUID(int=n) for n in (1, 2, 3)]
ODD = instrument(tick_nano_usd=7, maker_fee_ppm=333, taker_fee_ppm=777, band_low_ticks=1, band_high_ticks=60)
FUNDS = 60_000
BEGIN_S = int(START.timestamp())

trader = st.sampled_from(TRADERS)
side = st.sampled_from(["buy", "sell"])
price = st.integers(1, 61)
lots = st.integers(1, 40)
stp = st.sampled_from(["none", "cancel_taker", "cancel_maker", "cancel_both", "decrement"])
some = st.lists(trader, max_size=2).map(tuple)


def orders(**fields: Any) -> st.SearchStrategy[p.NewOrder]:
    """Orders of a trader with these fields drawn."""
    return st.builds(
        p.NewOrder, organisation_id=trader, instrument=st.just("x"), stp=stp, **({"side": side} | fields)
    )


RESTING = orders(
    tif=st.sampled_from(["GTC", "GTC", "GTC", "DAY", "GFA"]),
    price_ticks=price,
    quantity_lots=lots,
    post_only=st.booleans(),
    display_lots=st.one_of(st.none(), lots),
)
TIMED = orders(
    tif=st.just("GTD"),
    price_ticks=price,
    quantity_lots=lots,
    expires_at=st.integers(BEGIN_S, BEGIN_S + 60),
)
IMMEDIATE = orders(
    tif=st.sampled_from(["IOC", "FOK"]),
    price_ticks=price,
    quantity_lots=lots,
    min_lots=st.one_of(st.none(), lots),
    all_or_none=st.booleans(),
    only_providers=some,
    ignore_providers=some,
)
MARKET = orders(
    type=st.just("market"),
    tif=st.sampled_from(["IOC", "FOK", "GFA"]),
    price_ticks=st.one_of(st.none(), price),
    quantity_lots=lots,
)
BUDGET = orders(
    side=st.just("buy"),
    type=st.just("market"),
    tif=st.just("IOC"),
    budget_nano_usd=st.integers(1, 20_000),
)
PLAIN = orders(
    tif=st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK"]), price_ticks=price, quantity_lots=lots
)
PHASES = st.sampled_from(
    ["continuous", "continuous", "continuous", "auction", "no_cancel", "pre_open", "cancel_only", "halted"]
)

Step = p.Command | tuple[Any, ...]
"""A command, or what depends on the state: ("cancel" | "replace", which, ticks, lots), ("wait", s), …"""

STEPS: st.SearchStrategy[Step] = st.one_of(
    PLAIN,
    PLAIN,
    RESTING,
    TIMED,
    IMMEDIATE,
    MARKET,
    BUDGET,
    st.tuples(st.sampled_from(["cancel", "replace", "replace"]), st.integers(0, 50), price, lots),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("uncross"), price),
    st.builds(p.CancelAll, organisation_id=trader),
    st.builds(p.SetDeadMan, organisation_id=trader, timeout_s=st.integers(0, 60)),
    st.builds(p.Defund, organisation_id=trader, amount_nano_usd=st.integers(1, 2_000), key=st.just("k")),
    st.builds(p.SetPhase, instrument=st.just("x"), phase=PHASES),
)


def desk() -> Desk:
    """Return three traders with money and capacity."""
    return Desk(ODD, *TRADERS, funds=FUNDS, tier=100_000)


def take(at: Desk, step: Step) -> None:
    """Take a step."""
    if not isinstance(step, tuple):
        at.decide(step)
    elif step[0] == "wait":
        at.at((at.changes.now - START + timedelta(seconds=step[1])).total_seconds())
    elif step[0] == "uncross":
        _uncross(at, step[1])
    elif at.state.orders:
        at.decide(_on_an_open_order(at, *step))


def _on_an_open_order(at: Desk, kind: str, which: int, price_ticks: int, quantity_lots: int) -> p.Command:
    order = list(at.state.orders.values())[which % len(at.state.orders)]
    if kind == "cancel":
        return p.CancelOrder(order.organisation_id, None, order.id)
    return p.ReplaceOrder(order.organisation_id, None, order.id, price_ticks, quantity_lots)


def _uncross(at: Desk, reference_ticks: int) -> None:
    market = at.state.markets["x"]
    if market.engine.current_phase in ("auction", "no_cancel", "pre_open"):
        events = at.decider.apply(market, Uncross(reference_ticks))
        apply_events(at.state, at.changes, market, None, events)
