"""Events, to be listed and read again."""

from stripe_double.call import Call, Operation
from stripe_double.listing import page
from stripe_double.params import PAGE, array, full
from stripe_double.world import Json


def _retrieve(call: Call) -> Json:
    return call.world.get("event", call.id, call.account)


def _list(call: Call) -> Json:
    kinds = [call.params["type"]] if "type" in call.params else call.params.get("types")
    items = call.world.all("event", call.account)
    return page(call, (item for item in items if kinds is None or item["type"] in kinds), "/v1/events")


OPERATIONS = [
    Operation("GET", "/v1/events", _list, PAGE | {"type": full, "types": array(full)}),
    Operation("GET", "/v1/events/{id}", _retrieve, {}),
]
