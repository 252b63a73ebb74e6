"""The options in which the terms of an order are said, shared by the commands that take one."""

import inspect
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from cux.cli.exits import UsageError
from cux.cli.figures import NANO_PER_USD
from cux.cli.session import Session
from cux.client.calls.account import OrderTerms
from cux.wire import orders as wire

P = ParamSpec("P")

_SIZE, _PRICE, _TIME, _WHO = "Size", "Price", "Time", "Counterparties"


def _option(kind: Any, name: str, help: str, panel: str, **more: Any) -> Any:
    return Annotated[kind, typer.Option(name, help=help, rich_help_panel=panel, **more)]


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "lots": (_option(int | None, "--lots", "How many lots.", _SIZE, min=1), None),
    "budget": (
        _option(str | None, "--budget", "Instead of lots: dollars to spend, fees included (market).", _SIZE),
        None,
    ),
    "display": (
        _option(int | None, "--display", "Show so many lots at a time (iceberg).", _SIZE, min=1),
        None,
    ),
    "min_lots": (
        _option(int | None, "--min-lots", "Trade so many at once or none (IOC, FOK).", _SIZE, min=1),
        None,
    ),
    "all_or_none": (_option(bool, "--all-or-none", "Trade all at once or nothing (IOC).", _SIZE), False),
    "price": (
        _option(
            int | None, "--price", "The limit, in ticks per lot; of a market order its protection.", _PRICE
        ),
        None,
    ),
    "type": (_option(wire.OrderType, "--type", "limit or market.", _PRICE), "limit"),
    "post_only": (_option(bool, "--post-only", "Only if it does not trade at once.", _PRICE), False),
    "tif": (
        _option(
            wire.TimeInForce | None,
            "--tif",
            "How long it may wait: GTC; IOC for a market order; GTD with --expires-at.",
            _TIME,
        ),
        None,
    ),
    "expires_at": (
        _option(str | None, "--expires-at", "Until when, such as 2026-11-23T08:00:00Z.", _TIME),
        None,
    ),
    "only_provider": (
        _option(list[str] | None, "--only-provider", "Trade with this organisation only; repeatable.", _WHO),
        None,
    ),
    "ignore_provider": (
        _option(list[str] | None, "--ignore-provider", "Never trade with it; repeatable.", _WHO),
        None,
    ),
    "min_window": (
        _option(int | None, "--min-window", "Take resold compute with so many seconds to go.", _WHO, min=1),
        None,
    ),
    "stp": (
        _option(wire.SelfTradePrevention, "--stp", "Which of two own orders gives way.", _WHO),
        "cancel_taker",
    ),
    "client_order_id": (
        _option(str | None, "--client-order-id", "A handle of your own, used once.", "Order"),
        None,
    ),
}


def takes_terms(
    run: Callable[Concatenate[Session, OrderTerms, P], None],
) -> Callable[Concatenate[Session, P], None]:
    """Return a command's function with an option for each term; it gets them as its second argument.

    Raises UsageError: a budget is no amount.
    """

    @wraps(run)
    def wrapped(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> None:
        said = {name: kwargs.pop(name) for name in _OPTIONS}
        run(session, order_terms(**said), *args, **kwargs)

    own = inspect.signature(run).parameters
    first, _, *rest = own.values()
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in rest]
    wrapped.__signature__ = inspect.Signature([first, *keywords, *options])  # type: ignore[attr-defined]
    return wrapped


def order_terms(**said: Any) -> OrderTerms:
    """Return the terms that options say. Raises UsageError for a budget that is no amount."""
    is_market, expires_at = said["type"] == "market", said["expires_at"]
    usual: wire.TimeInForce = "GTD" if expires_at else "IOC" if is_market else "GTC"
    return {
        "quantity_lots": said["lots"],
        "budget_nano_usd": _nano_usd(said["budget"]) if said["budget"] is not None else None,
        "price_ticks": said["price"],
        "type": said["type"],
        "tif": said["tif"] or usual,
        "client_order_id": said["client_order_id"],
        "post_only": said["post_only"],
        "stp": said["stp"],
        "expires_at": expires_at,
        "display_lots": said["display"],
        "min_lots": said["min_lots"],
        "all_or_none": said["all_or_none"],
        "only_providers": said["only_provider"] or [],
        "ignore_providers": said["ignore_provider"] or [],
        "min_window_s": said["min_window"],
    }


def _nano_usd(dollars: str) -> int:
    try:
        amount = Decimal(dollars.removeprefix("$")) * NANO_PER_USD
    except InvalidOperation as error:
        raise UsageError(f"--budget {dollars} is no amount of dollars") from error
    if not amount.is_finite() or amount != amount.to_integral_value() or amount <= 0:
        raise UsageError(f"--budget {dollars} is no amount in whole nano-dollars")
    return int(amount)
