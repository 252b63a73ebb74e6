"""Lists and expansions, as every object has them."""

import operator
from collections.abc import Iterable
from typing import Any

from stripe_double.call import Call
from stripe_double.errors import invalid, no_such
from stripe_double.world import Json, World, copied

_COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
_DEPTH = 4


def page(call: Call, items: Iterable[Json], url: str) -> Json:
    """Return one page of `items` (newest first) as the call asks.

    Raises StripeError for a limit outside 1 to 100 and for a cursor that is no item.
    """
    limit = call.params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("Limit must be between 1 and 100", "limit", "parameter_invalid_integer")
    found = [item for item in items if _created(item, call.params.get("created", {}))]
    if after := call.params.get("starting_after"):
        found = found[_position(found, after, "starting_after") + 1 :]
    if before := call.params.get("ending_before"):
        found = found[: _position(found, before, "ending_before")]
        shown = found[-limit:]
    else:
        shown = found[:limit]
    return {"object": "list", "data": shown, "has_more": len(found) > len(shown), "url": url}


def _created(item: Json, limits: dict[str, int]) -> bool:
    return all(_COMPARE[name](item["created"], second) for name, second in limits.items())


def _position(items: list[Json], identifier: str, param: str) -> int:
    for position, item in enumerate(items):
        if item["id"] == identifier:
            return position
    raise no_such("object", identifier, param, 400)


def expanded(world: World, result: Json, paths: list[str]) -> Json:
    """Return a copy of a result with the ids at these paths replaced by their objects.

    Raises StripeError for a path that names no expandable property.
    """
    copy = copied(result)
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEPTH:
            message = f"You cannot expand more than {_DEPTH} levels of a property. Property: {path}"
            raise invalid(message, "expand", "property_expansion_max_depth")
        _expand(world, copy, steps, path)
    return copy


def _expand(world: World, node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(world, item, steps, path)
        return
    if not isinstance(node, dict) or not steps:
        return
    if steps[0] not in node:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    value = node[steps[0]]
    if isinstance(value, str):
        if value not in world.objects:
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        value = node[steps[0]] = copied(world.objects[value])
    _expand(world, value, steps[1:], path)
