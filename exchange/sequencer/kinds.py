"""Which kinds of order there are, and what each goes with. Pure.

A plain limit or market order (GTC, IOC, FOK) has no kind of its own and can never be switched off.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, get_args

from core.errors import Code, CuxError
from exchange.engine.checks import MAX_SLICES
from exchange.sequencer.protocol import NewOrder

IMMEDIATE: Final = ("IOC", "FOK")
"""Times in force of orders that never rest."""
MAX_PROVIDERS: Final = 64
LONGEST_LIFE: Final = timedelta(days=366)

Kind = Literal["post_only", "iceberg", "min_lots", "eligibility", "protection", "budget", "GTD", "DAY", "GFA"]
KINDS: Final[frozenset[str]] = frozenset(get_args(Kind))


def kinds_of(order: NewOrder) -> list[Kind]:
    """Return what is not plain about an order."""
    return [kind for kind, (has, _) in _KINDS.items() if has(order)]


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
        if kind in disabled:
            raise CuxError(Code.ORDER_KIND_DISABLED, f"Orders of the kind {kind} are switched off.")
        for rule in _KINDS[kind][1]:
            rule.check(order)
    if order.tif == "GTD":
        _check_expiry(order.expires_at, now)


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

    holds: Callable[[NewOrder], bool]
    code: Code
    param: str
    message: str

    def check(self, order: NewOrder) -> None:
        if not self.holds(order):
            raise CuxError(self.code, self.message, param=self.param)


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
    )


def _is_immediate(order: NewOrder) -> bool:
    return order.tif in IMMEDIATE


def _is_within(lots: int | None, order: NewOrder) -> bool:
    return lots is None or 1 <= lots <= (order.quantity_lots or 0)


def _has_few_slices(order: NewOrder) -> bool:
    return (order.quantity_lots or 0) <= (order.display_lots or 0) * MAX_SLICES


_NOT_RESTING: Final = "goes with IOC and FOK only: resting, it would stand in a crossed book."
_PLAIN: Final = (
    _Rule(
        lambda o: o.type == "market" or o.price_ticks is not None,
        Code.INVALID_FIELD,
        "price_ticks",
        "A limit order has a price.",
    ),
    _Rule(
        lambda o: o.type == "limit" or o.tif in (*IMMEDIATE, "GFA"),
        Code.INVALID_TIME_IN_FORCE,
        "tif",
        "A market order is IOC or FOK, or GFA in an auction.",
    ),
    _Rule(
        lambda o: (o.quantity_lots is None) != (o.budget_nano_usd is None),
        Code.INVALID_FIELD,
        "quantity_lots",
        "An order has either a quantity or a budget.",
    ),
    _Rule(
        lambda o: (o.tif == "GTD") == (o.expires_at is not None),
        Code.INVALID_FIELD,
        "expires_at",
        "A GTD order says when it expires, and no other.",
    ),
)
_KINDS: Final[dict[Kind, tuple[Callable[[NewOrder], bool], tuple[_Rule, ...]]]] = {
    "post_only": (
        lambda o: o.post_only,
        (
            _Rule(
                lambda o: not _is_immediate(o),
                Code.INVALID_TIME_IN_FORCE,
                "tif",
                "A post-only order rests, IOC and FOK never do.",
            ),
            _Rule(lambda o: o.type == "limit", Code.INVALID_FIELD, "type", "A post-only order has a limit."),
        ),
    ),
    "iceberg": (
        lambda o: o.display_lots is not None,
        (
            _Rule(
                lambda o: not _is_immediate(o),
                Code.INVALID_TIME_IN_FORCE,
                "display_lots",
                "An iceberg rests, IOC and FOK never do.",
            ),
            _Rule(lambda o: o.type == "limit", Code.INVALID_FIELD, "display_lots", "An iceberg has a limit."),
            _Rule(
                lambda o: _is_within(o.display_lots, o) and _has_few_slices(o),
                Code.QUANTITY_OUT_OF_RANGE,
                "display_lots",
                f"Show at least one lot and a {MAX_SLICES}th, at most all lots.",
            ),
        ),
    ),
    "min_lots": (
        lambda o: o.all_or_none or o.min_lots is not None,
        (
            _Rule(_is_immediate, Code.INVALID_TIME_IN_FORCE, "min_lots", f"A minimum {_NOT_RESTING}"),
            _Rule(
                lambda o: o.min_lots is None or not o.all_or_none,
                Code.INVALID_FIELD,
                "all_or_none",
                "All or none is a minimum already.",
            ),
            _Rule(
                lambda o: _is_within(o.min_lots, o) and o.quantity_lots is not None,
                Code.QUANTITY_OUT_OF_RANGE,
                "min_lots",
                "A minimum is at least one lot and at most the quantity.",
            ),
        ),
    ),
    "eligibility": (
        lambda o: bool(o.only_providers or o.ignore_providers),
        (
            _Rule(
                _is_immediate,
                Code.INVALID_TIME_IN_FORCE,
                "only_providers",
                f"A choice of providers {_NOT_RESTING}",
            ),
            _Rule(
                lambda o: o.side == "buy",
                Code.INVALID_FIELD,
                "only_providers",
                "Only who buys chooses providers.",
            ),
            _Rule(
                lambda o: max(len(o.only_providers), len(o.ignore_providers)) <= MAX_PROVIDERS,
                Code.INVALID_FIELD,
                "only_providers",
                f"At most {MAX_PROVIDERS} providers can be named.",
            ),
        ),
    ),
    "protection": (lambda o: o.type == "market" and o.price_ticks is not None, ()),
    "budget": (
        lambda o: o.budget_nano_usd is not None,
        (
            _Rule(
                lambda o: o.type == "market" and o.side == "buy",
                Code.INVALID_FIELD,
                "budget_nano_usd",
                "A budget is for market orders to buy.",
            ),
            _Rule(
                lambda o: o.tif == "IOC", Code.INVALID_TIME_IN_FORCE, "tif", "An order with a budget is IOC."
            ),
            _Rule(
                lambda o: (o.budget_nano_usd or 0) > 0,
                Code.INVALID_FIELD,
                "budget_nano_usd",
                "A budget is positive.",
            ),
        ),
    ),
    "GTD": (lambda o: o.tif == "GTD", ()),
    "DAY": (lambda o: o.tif == "DAY", ()),
    "GFA": (lambda o: o.tif == "GFA", ()),
}


def _check_expiry(epoch_s: int | None, now: datetime) -> None:
    earliest, latest = now.timestamp(), (now + LONGEST_LIFE).timestamp()
    if epoch_s is None or not earliest < epoch_s <= latest:
        raise CuxError(
            Code.INVALID_FIELD, f"Expires within {LONGEST_LIFE.days} days from now.", param="expires_at"
        )
