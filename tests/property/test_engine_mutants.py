"""Every property can fail: each of these wrong engines is found by the property that is there for it."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import exchange.engine
from tests.property.engine_commands import AUCTION, BUDGETED, COMMANDS, RESALE, TAKING, Json
from tests.property.engine_properties import PROPERTIES

ENGINE = Path(exchange.engine.__file__).parent


class Mutant(NamedTuple):
    """A mistake: where, what stands there and what stands there instead, and the property that finds it."""

    found_by: str
    mistake: str
    module: str
    right: str
    wrong: str
    said: st.SearchStrategy[list[Json]] = COMMANDS
    """Conversations in which it shows soon."""


NAIVE, CROSSED, CONSERVED = "agrees_with_the_naive_book", "never_crossed", "quantity_is_conserved"
LIMIT, PRICE_TIME = "no_fill_is_worse_than_a_limit", "price_time_priority"
SHOWN, REFUSAL = "shown_lots_are_those_of_the_orders", "a_refusal_changes_nothing"
FORESIGHT, REPLAY = "foresight_is_what_then_happens", "replay_is_identical_from_any_checkpoint"
HASH = "equal_hashes_are_equal_futures"
REFRESH = """            self.remove(order)
            order.qty -= lots
            order.slice = 0
            self.add(order)
"""
GUARD = """        if phase == "continuous" and self._book.crossed():
            return [Rejected("phase", "crossed_book")]
        self._set_phase(phase)
"""
MUTANTS = [
    Mutant(
        CROSSED, "a book that touches may open", "book", "asks.keys[-1] >= 0", "asks.keys[-1] > 0", AUCTION
    ),
    Mutant(
        CROSSED,
        "an order at the best opposite price rests",
        "matching",
        "opposite.keys[-1] >= opposite.sign * order.price",
        "opposite.keys[-1] > opposite.sign * order.price",
    ),
    Mutant(
        CROSSED,
        "orders for the auction outlive it",
        "book",
        'order.type == "market" or order.tif == "GFA"',
        'order.type == "market"',
        AUCTION,
    ),
    Mutant(
        CONSERVED,
        "an auction tells of one lot too few",
        "auction",
        "price, lots, bid",
        "price, lots - 1, bid",
    ),
    Mutant(
        CONSERVED,
        "a cancel tells of the shown lots only",
        "book",
        "Canceled(order.id, order.qty, reason)",
        "Canceled(order.id, order.slice or order.qty, reason)",
    ),
    Mutant(CONSERVED, "decrement leaves the taker all", "stp", "taker.qty -= qty", "taker.qty -= 0", TAKING),
    Mutant(
        LIMIT,
        "a taker goes one tick beyond its limit",
        "matching",
        "if key < worst_key:\n            return\n        yield opposite",
        "if key < worst_key - 1:\n            return\n        yield opposite",
        TAKING,
    ),
    Mutant(
        LIMIT,
        "an auction trades at the reference price",
        "auction",
        "_trades(book, outcome.price,",
        "_trades(book, reference_price,",
    ),
    Mutant(
        LIMIT,
        "a budget forgets what it spent",
        "matching",
        "budget -= affordable",
        "budget -= 0 * affordable",
        BUDGETED,
    ),
    Mutant(
        PRICE_TIME,
        "the youngest maker trades first",
        "matching",
        "yield opposite.levels[key].values()",
        "yield reversed(opposite.levels[key].values())",
    ),
    Mutant(
        PRICE_TIME,
        "an auction begins with the worst price",
        "book",
        "for key in reversed(self.keys):\n            yield from",
        "for key in self.keys:\n            yield from",
    ),
    Mutant(
        PRICE_TIME,
        "what is offered for resale comes after the asks of its price",
        "matching",
        'yield sorted(queue, key=attrgetter("priority"))',
        "yield queue",
        RESALE,
    ),
    Mutant(SHOWN, "a partial fill still shows", "book", "show(order, -lots)", "show(order, 0)"),
    Mutant(
        SHOWN,
        "an iceberg takes hidden lots with it",
        "book",
        "level.lots -= order.slice or order.qty",
        "level.lots -= order.qty",
    ),
    Mutant(
        REFUSAL,
        "the phase changes before it is checked",
        "engine",
        GUARD,
        "        self._set_phase(phase)\n" + GUARD.replace("        self._set_phase(phase)\n", ""),
    ),
    Mutant(
        REFUSAL,
        "asking for the auction's price holds it",
        "engine",
        "return [auction.indicative(self._book, reference_price)]",
        "return auction.uncross(self._book, reference_price)[:1]",
    ),
    Mutant(
        FORESIGHT,
        "an excerpt lacks the last maker",
        "matching",
        "len(meetings(book, order)) + 1",
        "max(len(meetings(book, order)) - 1, 0)",
    ),
    Mutant(
        FORESIGHT,
        "reach forgets that an order may be killed",
        "matching",
        "return [] if _killed(order, met) else met",
        "return met",
        TAKING,
    ),
    Mutant(
        REPLAY,
        "a snapshot has fresh slices",
        "state",
        "list(book.orders.values()))",
        "[msgspec.structs.replace(o, slice=min(o.display, o.qty)) for o in book.orders.values()])",
        TAKING,
    ),
    Mutant(
        REPLAY,
        "a snapshot forgets the last priority",
        "state",
        "max(book.last_priority, image.last_priority)",
        "book.last_priority",
    ),
    Mutant(HASH, "the hash is without quantities", "state", "o.qty,", ""),
    Mutant(HASH, "the hash is without the phase", "state", "encode((phase, orders))", "encode(orders)"),
    Mutant(
        NAIVE,
        "a new slice keeps the order's place",
        "book",
        REFRESH,
        "            order.qty -= lots\n            order.slice = min(order.display, order.qty)\n",
        TAKING,
    ),
    Mutant(
        NAIVE,
        "a larger quantity keeps its priority",
        "engine",
        "keeps = price == order.price and qty <= order.qty",
        "keeps = price == order.price",
    ),
    Mutant(
        NAIVE,
        "cancel_both spares the maker",
        "stp",
        'if taker.stp != "cancel_taker":',
        'if taker.stp == "cancel_maker":',
    ),
    Mutant(
        NAIVE,
        "hidden lots do not count for fill or kill",
        "matching",
        "if icebergs:",
        'if icebergs and taker.tif != "FOK":',
        TAKING,
    ),
    Mutant(NAIVE, "a minimum counts for nothing", "matching", "lots < order.min_qty", "lots < 0"),
    Mutant(
        NAIVE,
        "a surplus of bids takes the lowest price",
        "auction",
        "candidates[-1]",
        "candidates[0]",
        AUCTION,
    ),
    Mutant(NAIVE, "the no-cancel phase takes lots away", "checks", "return further or", "return further and"),
    Mutant(NAIVE, "a self-trade is not marked", "auction", "bid.account == ask.account", "False"),
    Mutant(NAIVE, "an ignored maker trades", "matching", "maker.account not in taker.ignore", "True", TAKING),
    Mutant(NAIVE, "a window that ends too early is sold", "matching", ">= taker.min_end", "> 0", RESALE),
]


@pytest.fixture
def mutated(mutant: Mutant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The protocol module of a copy of the engine with the mistake in it."""
    package = f"mutant_{MUTANTS.index(mutant)}"
    (tmp_path / package).mkdir()
    for path in ENGINE.glob("*.py"):
        source = path.read_text()
        if path.stem == mutant.module:
            assert source.count(mutant.right) == 1, "the engine has changed: so must this mutant"
            source = source.replace(mutant.right, mutant.wrong)
        (tmp_path / package / path.name).write_text(source.replace("exchange.engine", package))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(f"{package}.protocol")
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_a_wrong_engine_is_found(mutant: Mutant, mutated: ModuleType) -> None:
    @settings(
        max_examples=3_000,  # a mistake shows within 200: what is drawn differs from machine to machine
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(mutant.said)
    def check(commands: list[Json]) -> None:
        PROPERTIES[mutant.found_by](mutated, commands)

    with pytest.raises((AssertionError, KeyError)):  # it may also break down
        check()


def test_every_property_is_proven_able_to_fail() -> None:
    assert {mutant.found_by for mutant in MUTANTS} == set(PROPERTIES)
