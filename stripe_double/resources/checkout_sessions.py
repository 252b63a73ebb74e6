"""Checkout sessions: a page where somebody pays, or saves a card."""

from typing import Any

from stripe_double import payments
from stripe_double.call import Call, Operation
from stripe_double.errors import invalid
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.params import (
    PAGE,
    Required,
    Shape,
    array,
    boolean,
    cents,
    currency,
    full,
    hashed,
    integer,
    metadata,
    one_of,
    text,
)
from stripe_double.resources.common import update_metadata
from stripe_double.resources.payment_methods import new_card
from stripe_double.resources.session_shapes import blank_session
from stripe_double.resources.setup_intents import confirm_setup, new_setup
from stripe_double.world import Json, World

_DAY_S = 86_400
_PRICE = hashed(
    {
        "currency": Required(currency),
        "unit_amount": Required(cents),
        "product_data": Required(hashed({"name": Required(full), "description": text})),
    }
)
_FUTURE = one_of("off_session", "on_session")
_CREATE: Shape = {
    "mode": Required(one_of("payment", "setup")),
    "success_url": Required(full),
    "cancel_url": full,
    "customer": full,
    "customer_email": full,
    "client_reference_id": text,
    "currency": currency,
    "expires_at": integer,
    "line_items": array(hashed({"price_data": Required(_PRICE), "quantity": Required(integer)})),
    "metadata": metadata,
    "allowed_payment_method_types": array(one_of("card")),
    "submit_type": one_of("auto", "pay"),
    "billing_address_collection": one_of("auto", "required"),
    "locale": text,
    "payment_intent_data": hashed(
        {
            "metadata": metadata,
            "description": text,
            "setup_future_usage": _FUTURE,
            "capture_method": one_of("automatic", "automatic_async"),
            "receipt_email": text,
            "statement_descriptor_suffix": text,
            "transfer_group": text,
        }
    ),
    "setup_intent_data": hashed({"metadata": metadata, "description": text}),
    "automatic_tax": hashed({"enabled": Required(boolean)}),
}


def _create(call: Call) -> Json:
    world, params = call.world, call.params
    total = _total(params)
    if customer := params.get("customer"):
        world.get("customer", customer, param="customer", status=400)
    now = world.second()
    expires_at = params.get("expires_at", now + _DAY_S)
    if not now + 1_800 - 60 <= expires_at <= now + _DAY_S + 60:
        raise invalid("The `expires_at` timestamp must be 30 minutes to 24 hours from now.", "expires_at")
    identifier = world.new_id("cs_test", 58)
    session: Json = blank_session(call, identifier) | {
        "amount_subtotal": total,
        "amount_total": total,
        "client_reference_id": params.get("client_reference_id"),
        "currency": "usd" if params["mode"] == "payment" else params.get("currency"),
        "customer": customer,
        "customer_email": params.get("customer_email"),
        "expires_at": expires_at,
        "metadata": params.get("metadata", {}),
        "mode": params["mode"],
        "payment_status": "unpaid" if params["mode"] == "payment" else "no_payment_required",
        "submit_type": params.get("submit_type"),
        "billing_address_collection": params.get("billing_address_collection"),
        "locale": params.get("locale"),
    }
    if params["mode"] == "setup":
        data = params.get("setup_intent_data", {})
        session["setup_intent"] = new_setup(world, customer=customer, **data)["id"]
    lines = params.get("line_items", [])
    world.add(session, intent=params.get("payment_intent_data", {}), lines=lines)
    world.at(expires_at, "session_expires", session=identifier)
    return session


def _total(params: dict[str, Any]) -> int | None:
    """Return what is to be paid. Raises StripeError for parameters of the other mode."""
    payment = params["mode"] == "payment"
    other = "setup_intent_data" if payment else "payment_intent_data"
    if other in params:
        raise invalid(f"You can not pass `{other}` in `{params['mode']}` mode.", other)
    lines = params.get("line_items", [])
    if payment != bool(lines):
        raise invalid(
            "`line_items` are required in `payment` mode, and refused in `setup` mode.", "line_items"
        )
    return sum(line["price_data"]["unit_amount"] * line["quantity"] for line in lines) if payment else None


def pay(world: World, session: Json, card: dict[str, Any], base_url: str) -> str:
    """Pay an open session, or save the card there; return where the person goes next.

    Raises StripeError (402) for a card that is refused: another may be tried.
    """
    billing = {name: card[name] for name in ("name", "address")} | {"email": session["customer_email"]}
    method = new_card(world, card["number"], card["exp_month"], card["exp_year"], billing)
    here = session["url"]
    if session["mode"] == "setup":
        intent = world.objects[session["setup_intent"]]
        intent["payment_method"] = method["id"]
        world.secrets[intent["id"]]["session"] = session["id"]
        confirm_setup(world, intent, here, base_url)
    else:
        intent = _intent(world, session)
        intent["payment_method"] = method["id"]
        payments.confirm(world, intent, off_session=False, return_url=here, base_url=base_url)
    if intent["status"] == "requires_action":
        return str(intent["next_action"]["redirect_to_url"]["url"])
    return complete(world, session, method)


def _intent(world: World, session: Json) -> Json:
    if session["payment_intent"] is None:
        given = world.secrets[session["id"]]["intent"]
        total = session["amount_total"]
        intent = payments.new_intent(world, amount=total, customer=session["customer"], **given)
        world.secrets[intent["id"]]["session"] = session["id"]
        session["payment_intent"] = intent["id"]
    return world.objects[session["payment_intent"]]


def complete(world: World, session: Json, method: Json) -> str:
    """Close a session whose intent succeeded; return the address of the success page."""
    customer = world.objects.get(session["customer"] or "", {})
    email = session["customer_email"] or customer.get("email")
    details = method["billing_details"]
    session |= {
        "status": "complete",
        "url": None,
        "payment_status": "paid" if session["mode"] == "payment" else "no_payment_required",
        "customer_details": {
            "address": details["address"],
            "email": email,
            "name": details["name"],
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    }
    emit(world, "checkout.session.completed", session)
    return str(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))


def expire(world: World, session: str) -> None:
    """Close an open session (a job, and a request)."""
    item = world.objects[session]
    if item["status"] == "open":
        item |= {"status": "expired", "url": None}
        emit(world, "checkout.session.expired", item)


def _expire(call: Call) -> Json:
    session = call.world.get("checkout.session", call.id)
    if session["status"] != "open":
        raise invalid(f'Only Checkout Sessions with a status in ["open"] can be expired: {session["status"]}')
    expire(call.world, call.id)
    return session


def _retrieve(call: Call) -> Json:
    return call.world.get("checkout.session", call.id)


def _update(call: Call) -> Json:
    session = call.world.get("checkout.session", call.id)
    update_metadata(session, call.params)
    return session


def _list(call: Call) -> Json:
    names = ("customer", "payment_intent", "status")
    wanted = {name: call.params[name] for name in names if name in call.params}
    items = call.world.all("checkout.session")
    found = (item for item in items if all(item[name] == value for name, value in wanted.items()))
    return page(call, found, "/v1/checkout/sessions")


_FILTER: Shape = {"customer": full, "payment_intent": full, "status": one_of("open", "complete", "expired")}
OPERATIONS = [
    Operation("POST", "/v1/checkout/sessions", _create, _CREATE),
    Operation("GET", "/v1/checkout/sessions", _list, PAGE | _FILTER),
    Operation("GET", "/v1/checkout/sessions/{id}", _retrieve, {}),
    Operation("POST", "/v1/checkout/sessions/{id}", _update, {"metadata": metadata}),
    Operation("POST", "/v1/checkout/sessions/{id}/expire", _expire, {}),
]
