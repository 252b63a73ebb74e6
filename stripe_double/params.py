"""What an operation takes: each parameter's type, checked as Stripe checks it. Unknown ones are refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stripe_double.errors import malformed

Read = Callable[[Any, str], Any]


@dataclass(frozen=True)
class Required:
    """A parameter that must be there."""

    read: Read


# A name's reader, or Required.
Shape = dict[str, Any]


def read_params(shape: Shape, given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the typed parameters; absent ones are absent.

    Raises StripeError (400): `parameter_unknown`, `parameter_missing`, or what the type says.
    """
    for name in given:
        if name not in shape:
            where = _join(prefix, name)
            raise malformed(f"Received unknown parameter: {where}", where, "parameter_unknown")
    result: dict[str, Any] = {}
    for name, kind in shape.items():
        where = _join(prefix, name)
        if name in given:
            read = kind.read if isinstance(kind, Required) else kind
            result[name] = read(given[name], where)
        elif isinstance(kind, Required):
            raise malformed(f"Missing required param: {where}.", where, "parameter_missing")
    return result


def _join(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def text(value: Any, where: str) -> str | None:
    """Read a string; empty means: unset."""
    if not isinstance(value, str):
        raise malformed(f"Invalid string: {value}", where, "parameter_invalid_string")
    if len(value) > 5_000:
        raise malformed("Invalid string: at most 5000 characters", where, "parameter_invalid_string_too_long")
    return value or None


def full(value: Any, where: str) -> str:
    """Read a string that is not empty."""
    result = text(value, where)
    if result is None:
        message = f"You passed an empty string for '{where}'. We assume empty values are an attempt to unset"
        raise malformed(message, where, "parameter_invalid_empty")
    return result


def integer(value: Any, where: str) -> int:
    """Read an integer."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise malformed(f"Invalid integer: {value}", where, "parameter_invalid_integer") from None


def cents(value: Any, where: str) -> int:
    """Read an amount of at least one cent."""
    amount = integer(value, where)
    if amount < 1:
        raise malformed("This value must be greater than or equal to 1.", where, "parameter_invalid_integer")
    if amount > 99_999_999:
        raise malformed("Amount must be no more than $999,999.99", where, "amount_too_large")
    return amount


def currency(value: Any, where: str) -> str:
    """Read a currency: dollars, the only one of this double."""
    if str(value).lower() != "usd":
        raise malformed(f"Invalid currency: {value}. This double knows usd.", where, None)
    return "usd"


def boolean(value: Any, where: str) -> bool:
    """Read `true` or `false`."""
    if value not in ("true", "false"):
        raise malformed(f"Invalid boolean: {value}", where, "parameter_invalid_boolean")
    return bool(value == "true")


def metadata(value: Any, where: str) -> dict[str, str]:
    """Read metadata: at most 50 short keys; an empty value unsets its key, an empty string all of them."""
    if value == "":
        return {}
    if not isinstance(value, dict) or any(not isinstance(item, str) for item in value.values()):
        raise malformed("Invalid metadata: must be a hash of strings", where, "parameter_invalid")
    if len(value) > 50 or any(len(name) > 40 or len(item) > 500 for name, item in value.items()):
        raise malformed("Metadata may have 50 keys of 40 characters, values of 500", where, None)
    return value


def one_of(*choices: str) -> Read:
    """Return a reader of one of these words."""

    def read(value: Any, where: str) -> str:
        if value not in choices:
            allowed = ", ".join(choices)
            raise malformed(f"Invalid {where}: must be one of {allowed}", where, "parameter_invalid")
        return str(value)

    return read


@dataclass(frozen=True)
class Hash:
    """Reads a hash of a shape; an empty string is an empty hash."""

    shape: Shape

    def __call__(self, value: Any, where: str) -> dict[str, Any]:
        """Return the typed hash. Raises StripeError as `read_params` does."""
        if not isinstance(value, dict) and value != "":
            raise malformed("Invalid object", where, "parameter_invalid")
        return read_params(self.shape, value or {}, where)


@dataclass(frozen=True)
class Array:
    """Reads a list of items."""

    item: Read

    def __call__(self, value: Any, where: str) -> list[Any]:
        """Return the typed items. Raises StripeError for what is no list."""
        if not isinstance(value, list):
            raise malformed("Invalid array", where, "parameter_invalid")
        return [self.item(element, f"{where}[{position}]") for position, element in enumerate(value)]


def hashed(shape: Shape) -> Hash:
    """Return a reader of a hash of this shape."""
    return Hash(shape)


def array(item: Read) -> Array:
    """Return a reader of a list."""
    return Array(item)


_RANGE = dict.fromkeys(("gt", "gte", "lt", "lte"), integer)


def created(value: Any, where: str) -> dict[str, int]:
    """Read a filter on times: one second, or a hash of gt, gte, lt, lte."""
    if isinstance(value, dict):
        return read_params(_RANGE, value, where)
    second = integer(value, where)
    return {"gte": second, "lte": second}


TURN: Shape = {"limit": integer, "starting_after": full, "ending_before": full}
# Most lists can be cut by time, too.
PAGE: Shape = TURN | {"created": created}
ADDRESS = hashed(dict.fromkeys(("line1", "line2", "city", "state", "postal_code", "country"), text))
