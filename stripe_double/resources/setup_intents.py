"""Setup intents: a card is saved for later, without a payment."""

from typing import Any

from stripe_double import payments
from stripe_double.call import Call, Operation
from stripe_double.cards import card_error, card_of
from stripe_double.errors import StripeError, invalid, unexpected_state
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.params import PAGE, Required, Shape, array, boolean, full, hashed, metadata, one_of, text
from stripe_double.resources.common import update_metadata
from stripe_double.resources.payment_methods import attach, use_method
from stripe_double.world import Json, World

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def new_setup(world: World, **given: Any) -> Json:
    """Return a new setup intent with these fields, which waits for a payment method."""
    identifier = world.new_id("seti")
    intent: Json = {
        "id": identifier,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{identifier}_secret_{world.new_id('')[1:]}",
        "created": world.second(),
        "customer": None,
        "description": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }
    intent |= {name: value for name, value in given.items() if value is not None}
    world.add(intent)
    emit(world, "setup_intent.created", intent)
    return intent


def confirm_setup(world: World, intent: Json, return_url: str | None, base_url: str) -> None:
    """Save the card, or ask for authentication. Raises StripeError (402) for a decline."""
    method = world.objects[intent["payment_method"]]
    card = card_of(world.secrets[method["id"]]["number"])
    if card.decline and card.decline_on_save:
        raise fail_setup(world, intent, card_error(*card.decline))
    if card.authenticate == "never":
        finish_setup(world, intent)
        return
    intent["status"] = "requires_action"
    intent["next_action"] = payments.next_action(base_url, intent["id"], return_url)
    world.secrets[intent["id"]]["return_url"] = return_url
    emit(world, "setup_intent.requires_action", intent)


def finish_setup(world: World, intent: Json) -> None:
    """Save the card to the customer."""
    method = world.objects[intent["payment_method"]]
    world.secrets[method["id"]]["set_up"] = True
    if intent["customer"]:
        attach(world, method, intent["customer"])
    intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    emit(world, "setup_intent.succeeded", intent)


def fail_setup(world: World, intent: Json, error: StripeError) -> StripeError:
    """Record a failed attempt; return the error to raise."""
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": dict(error.error),
    }
    emit(world, "setup_intent.setup_failed", intent)
    error.error["setup_intent"] = dict(intent)
    return error


def _create(call: Call) -> Json:
    params = call.params
    if customer := params.get("customer"):
        call.world.get("customer", customer, param="customer", status=400)
    fields = {name: value for name, value in params.items() if name not in ("confirm", "return_url")}
    if identifier := params.get("payment_method"):
        method = use_method(call.world, identifier, customer)
        fields |= {"payment_method": method["id"], "status": "requires_confirmation"}
    elif params.get("confirm"):
        raise invalid("You cannot confirm this SetupIntent because it's missing a payment method.")
    intent = new_setup(call.world, **fields)
    if params.get("confirm"):
        confirm_setup(call.world, intent, params.get("return_url"), call.base_url)
    return intent


def _open(call: Call, verb: str) -> Json:
    intent = call.world.get("setup_intent", call.id)
    if intent["status"] not in _OPEN:
        raise unexpected_state(
            "setup_intent_unexpected_state",
            f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
            setup_intent=intent,
        )
    return intent


def _confirm(call: Call) -> Json:
    intent = _open(call, "confirm")
    if "payment_method" in call.params:
        method = use_method(call.world, call.params["payment_method"], intent["customer"])
        intent["payment_method"] = method["id"]
    if intent["payment_method"] is None:
        raise unexpected_state(
            "setup_intent_unexpected_state",
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            setup_intent=intent,
        )
    confirm_setup(call.world, intent, call.params.get("return_url"), call.base_url)
    return intent


def _cancel(call: Call) -> Json:
    intent = _open(call, "cancel")
    intent |= {"status": "canceled", "cancellation_reason": call.params.get("cancellation_reason")}
    emit(call.world, "setup_intent.canceled", intent)
    return intent


def _retrieve(call: Call) -> Json:
    return call.world.get("setup_intent", call.id)


def _update(call: Call) -> Json:
    intent = call.world.get("setup_intent", call.id)
    update_metadata(intent, call.params)
    intent["description"] = call.params.get("description", intent["description"])
    return intent


def _list(call: Call) -> Json:
    names = ("customer", "payment_method")
    wanted = {name: call.params[name] for name in names if name in call.params}
    items = call.world.all("setup_intent")
    found = (item for item in items if all(item[name] == value for name, value in wanted.items()))
    return page(call, found, "/v1/setup_intents")


_CONFIRM: Shape = {"payment_method": full, "return_url": full}
_CREATE: Shape = _CONFIRM | {
    "customer": full,
    "description": text,
    "metadata": metadata,
    "usage": one_of("off_session", "on_session"),
    "allowed_payment_method_types": array(one_of("card")),
    "automatic_payment_methods": hashed(
        {"enabled": Required(boolean), "allow_redirects": one_of("always", "never")}
    ),
    "confirm": boolean,
}
OPERATIONS = [
    Operation("POST", "/v1/setup_intents", _create, _CREATE),
    Operation("GET", "/v1/setup_intents", _list, PAGE | {"customer": full, "payment_method": full}),
    Operation("GET", "/v1/setup_intents/{id}", _retrieve, {}),
    Operation("POST", "/v1/setup_intents/{id}", _update, {"metadata": metadata, "description": text}),
    Operation("POST", "/v1/setup_intents/{id}/confirm", _confirm, _CONFIRM),
    Operation(
        "POST",
        "/v1/setup_intents/{id}/cancel",
        _cancel,
        {"cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer")},
    ),
]
