"""Which kinds of order there are, and what each goes with. Pure.

A plain limit or market order (GTC, IOC, FOK) has no kind of its own and can never be switched off.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, NamedTuple, get_args

from core.errors import Code, CuxError
from exchange.engine.checks import MAX_SLICES
from exchange.sequencer.protocol import NewOrder

IMMEDIATE: Final = ("IOC", "FOK")
"""Times in force of orders that never rest."""
MAX_PROVIDERS: Final = 32
LONGEST_LIFE: Final = timedelta(days=366)

Kind = Literal[
    "post_only",
    "iceberg",
    "min_lots",
    "eligibility",
    "protection",
    "budget",
    "resale",
    "GTD",
    "DAY",
    "GFA",
]
KINDS: Final[frozenset[str]] = frozenset(get_args(Kind))


def kinds_of(order: NewOrder) -> list[Kind]:
    """Return what is not plain about an order."""
    return [name for name, kind in _KINDS.items() if kind.has(order)]


def check_kinds(order: NewOrder, now: datetime, disabled: frozenset[str]) -> None:
    """Refuse options that do not go together, and kinds that are switched off.

    Raises:
        CuxError: ORDER_KIND_DISABLED, INVALID_FIELD, INVALID_TIME_IN_FORCE, QUANTITY_OUT_OF_RANGE.
    """
    if _is_plain_limit(order):
        return
    for rule in _PLAIN:
        rule.check(order)
    for kind in kinds_of(order):
        check_enabled(kind, disabled)
        for rule in _KINDS[kind].rules:
            rule.check(order)
    if order.tif == "GTD":
        _check_expiry(order.expires_at, now)


def check_enabled(kind: Kind, disabled: frozenset[str]) -> None:
    """Refuse a kind that is switched off (ORDER_KIND_DISABLED)."""
    if kind in disabled:
        raise CuxError(Code.ORDER_KIND_DISABLED, f"Orders of the kind {kind} are switched off.")


def check_slices(display_lots: int | None, quantity_lots: int) -> None:
    """Refuse an iceberg of too many slices: each is a trade of its own (QUANTITY_OUT_OF_RANGE)."""
    if display_lots is not None and quantity_lots > display_lots * MAX_SLICES:
        raise CuxError(
            Code.QUANTITY_OUT_OF_RANGE, f"At most {MAX_SLICES} times what it shows.", param="quantity_lots"
        )


def expires_at(order: NewOrder, now: datetime) -> datetime | None:
    """Return when an order ends by itself: a DAY order at the next 00:00 UTC."""
    if order.tif == "DAY":
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return None if order.expires_at is None else datetime.fromtimestamp(order.expires_at, now.tzinfo)


class _Rule(NamedTuple):
    """What must hold of an order; else it is refused with this code, field and message."""

    code: Code
    param: str
    message: str
    holds: Callable[[NewOrder], bool]

    def check(self, order: NewOrder) -> None:
        if not self.holds(order):
            raise CuxError(self.code, self.message, param=self.param)


class _Kind(NamedTuple):
    """How to tell that an order is of the kind, and what must hold of it then."""

    has: Callable[[NewOrder], bool]
    rules: tuple[_Rule, ...] = ()


_field = partial(_Rule, Code.INVALID_FIELD)
_range = partial(_Rule, Code.QUANTITY_OUT_OF_RANGE)
_tif = partial(_Rule, Code.INVALID_TIME_IN_FORCE)


def _is_plain_limit(order: NewOrder) -> bool:
    """Tell at once of most orders that they are well-formed and of no special kind."""
    return (
        order.type == "limit"
        and order.tif in ("GTC", "IOC", "FOK")
        and order.price_ticks is not None
        and order.quantity_lots is not None
        and order.budget_nano_usd is None
        and not order.post_only
        and order.expires_at is None
        and order.display_lots is None
        and order.min_lots is None
        and not order.all_or_none
        and not order.only_providers
        and not order.ignore_providers
        and order.min_window_s is None
    )


def _is_limit(order: NewOrder) -> bool:
    return order.type == "limit"


def _is_immediate(order: NewOrder) -> bool:
    return order.tif in IMMEDIATE


def _rests(order: NewOrder) -> bool:
    return order.tif not in IMMEDIATE


def _shows_enough(order: NewOrder) -> bool:
    lots, shown = order.quantity_lots or 0, order.display_lots or 0
    return 1 <= shown <= lots <= shown * MAX_SLICES


def _has_fitting_minimum(order: NewOrder) -> bool:
    return order.quantity_lots is not None and (
        order.min_lots is None or 1 <= order.min_lots <= order.quantity_lots
    )


def _names_few(order: NewOrder) -> bool:
    return max(len(order.only_providers), len(order.ignore_providers)) <= MAX_PROVIDERS


_PLAIN: Final = (
    _field(
        "price_ticks", "A limit order has a price.", lambda o: not _is_limit(o) or o.price_ticks is not None
    ),
    _tif(
        "tif",
        "A market order is IOC or FOK, or GFA in an auction.",
        lambda o: _is_limit(o) or _is_immediate(o) or o.tif == "GFA",
    ),
    _field(
        "quantity_lots",
        "An order has either a quantity or a budget.",
        lambda o: (o.quantity_lots is None) != (o.budget_nano_usd is None),
    ),
    _field(
        "expires_at",
        "A GTD order says when it expires, and no other.",
        lambda o: (o.tif == "GTD") == (o.expires_at is not None),
    ),
)
_CROSSES: Final = "goes with IOC and FOK only: resting, it would stand in a crossed book."
_KINDS: Final[dict[Kind, _Kind]] = {
    "post_only": _Kind(
        lambda o: o.post_only,
        (
            _tif("tif", "A post-only order rests, IOC and FOK never do.", _rests),
            _field("type", "A post-only order has a limit.", _is_limit),
        ),
    ),
    "iceberg": _Kind(
        lambda o: o.display_lots is not None,
        (
            _tif("display_lots", "An iceberg rests, IOC and FOK never do.", _rests),
            _field("display_lots", "An iceberg has a limit.", _is_limit),
            _range("display_lots", f"Show a {MAX_SLICES}th at least, all lots at most.", _shows_enough),
        ),
    ),
    "min_lots": _Kind(
        lambda o: o.all_or_none or o.min_lots is not None,
        (
            _tif("tif", f"A minimum {_CROSSES}", _is_immediate),
            _field(
                "all_or_none",
                "All or none is a minimum already.",
                lambda o: o.min_lots is None or not o.all_or_none,
            ),
            _range("min_lots", "A minimum is a lot at least, the quantity at most.", _has_fitting_minimum),
        ),
    ),
    "eligibility": _Kind(
        lambda o: bool(o.only_providers or o.ignore_providers),
        (
            _tif("only_providers", f"A choice of providers {_CROSSES}", _is_immediate),
            _field("only_providers", "Only who buys chooses providers.", lambda o: o.side == "buy"),
            _field("only_providers", f"At most {MAX_PROVIDERS} providers can be named.", _names_few),
        ),
    ),
    "protection": _Kind(lambda o: o.type == "market" and o.price_ticks is not None),
    "budget": _Kind(
        lambda o: o.budget_nano_usd is not None,
        (
            _field(
                "budget_nano_usd",
                "A budget is for market orders to buy.",
                lambda o: o.type == "market" and o.side == "buy",
            ),
            _tif("tif", "An order with a budget is IOC.", lambda o: o.tif == "IOC"),
            _field("budget_nano_usd", "A budget is positive.", lambda o: (o.budget_nano_usd or 0) > 0),
        ),
    ),
    "resale": _Kind(lambda o: o.min_window_s is not None),
    "GTD": _Kind(lambda o: o.tif == "GTD"),
    "DAY": _Kind(lambda o: o.tif == "DAY"),
    "GFA": _Kind(lambda o: o.tif == "GFA"),
}


def _check_expiry(epoch_s: int | None, now: datetime) -> None:
    earliest, latest = now.timestamp(), (now + LONGEST_LIFE).timestamp()
    if epoch_s is None or not earliest < epoch_s <= latest:
        raise CuxError(
            Code.INVALID_FIELD, f"Expires within {LONGEST_LIFE.days} days from now.", param="expires_at"
        )
