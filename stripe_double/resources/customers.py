"""Customers."""

from stripe_double.call import Call, Operation
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.params import ADDRESS, PAGE, Shape, full, hashed, metadata, one_of, text
from stripe_double.resources.common import update_metadata
from stripe_double.world import Json

_FIELDS: Shape = {
    "name": text,
    "email": text,
    "phone": text,
    "description": text,
    "address": ADDRESS,
    "metadata": metadata,
    "tax_exempt": one_of("none", "exempt", "reverse"),
    "invoice_settings": hashed({"default_payment_method": full}),
}
_PLAIN = ("name", "email", "phone", "description", "address", "tax_exempt")


def _create(call: Call) -> Json:
    customer: Json = {
        "id": call.world.new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": call.world.second(),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": None,
        "invoice_prefix": call.world.new_id("")[1:9].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    _apply(call, customer)
    call.world.add(customer)
    emit(call.world, "customer.created", customer)
    return customer


def _apply(call: Call, customer: Json) -> None:
    customer |= {name: call.params[name] for name in _PLAIN if name in call.params}
    if "invoice_settings" in call.params:
        chosen = call.params["invoice_settings"].get("default_payment_method")
        if chosen:
            call.world.get("payment_method", chosen, param="invoice_settings[default_payment_method]")
        customer["invoice_settings"]["default_payment_method"] = chosen
    update_metadata(customer, call.params)


def _retrieve(call: Call) -> Json:
    return call.world.get("customer", call.id)


def _update(call: Call) -> Json:
    customer = call.world.get("customer", call.id)
    _apply(call, customer)
    emit(call.world, "customer.updated", customer)
    return customer


def _delete(call: Call) -> Json:
    world = call.world
    customer = world.get("customer", call.id)
    emit(world, "customer.deleted", customer)
    world.objects[call.id] = {"id": call.id, "object": "customer", "deleted": True, "created": 0}
    for method in world.all("payment_method"):
        if method["customer"] == call.id:
            method["customer"] = None
            world.secrets[method["id"]]["used"] = True
    return {"id": call.id, "object": "customer", "deleted": True}


def _list(call: Call) -> Json:
    email = call.params.get("email")
    living = (item for item in call.world.all("customer") if not item.get("deleted"))
    return page(call, (item for item in living if email in (None, item["email"])), "/v1/customers")


OPERATIONS = [
    Operation("POST", "/v1/customers", _create, _FIELDS),
    Operation("GET", "/v1/customers", _list, PAGE | {"email": full}),
    Operation("GET", "/v1/customers/{id}", _retrieve, {}),
    Operation("POST", "/v1/customers/{id}", _update, _FIELDS),
    Operation("DELETE", "/v1/customers/{id}", _delete, {}),
]
