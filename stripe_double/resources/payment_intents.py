"""Payment intents: created, confirmed, authenticated, cancelled."""

from stripe_double import payments
from stripe_double.call import Call, Operation
from stripe_double.errors import invalid, unexpected_state
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
    metadata,
    one_of,
    text,
)
from stripe_double.resources.common import update_metadata
from stripe_double.world import Json

_CHANGEABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_METHOD_TYPES = array(one_of("card"))
_COMMON: Shape = {
    "customer": full,
    "description": text,
    "metadata": metadata,
    "payment_method": full,
    "allowed_payment_method_types": _METHOD_TYPES,
    "receipt_email": text,
    "setup_future_usage": one_of("off_session", "on_session"),
    "statement_descriptor_suffix": text,
    "transfer_group": text,
}
_CONFIRM: Shape = {
    "payment_method": full,
    "off_session": boolean,
    "return_url": full,
    "error_on_requires_action": boolean,
    "setup_future_usage": one_of("off_session", "on_session"),
    "receipt_email": text,
}
_AUTOMATIC = hashed({"enabled": Required(boolean), "allow_redirects": one_of("always", "never")})


def _create(call: Call) -> Json:
    params = call.params
    if params["amount"] < 50:
        message = "Amount must convert to at least 50 cents."
        raise invalid(message, "amount", "amount_too_small")
    _check_off_session(call)
    if customer := params.get("customer"):
        call.world.get("customer", customer, param="customer", status=400)
    fields = {name: value for name, value in params.items() if name in payments.FIELDS}
    if identifier := params.get("payment_method"):
        method = payments.use_method(call.world, identifier, customer)
        fields |= {"payment_method": method["id"], "status": "requires_confirmation"}
    elif params.get("confirm"):
        raise invalid("You cannot confirm this PaymentIntent because it's missing a payment method.")
    fields["automatic_payment_methods"] = params.get("automatic_payment_methods")
    intent = payments.new_intent(call.world, **fields)
    return _confirmed(call, intent) if params.get("confirm") else intent


def _check_off_session(call: Call) -> None:
    for name in ("off_session", "return_url", "error_on_requires_action"):
        if name in call.params and not call.params.get("confirm"):
            raise invalid(f"'{name}' can only be given together with confirm=true.", name)


def _confirmed(call: Call, intent: Json) -> Json:
    payments.confirm(
        call.world,
        intent,
        off_session=call.params.get("off_session", False),
        return_url=call.params.get("return_url"),
        base_url=call.base_url,
        refuse_action=call.params.get("error_on_requires_action", False),
    )
    return intent


def _confirm(call: Call) -> Json:
    intent = _changeable(call, "confirm")
    if identifier := call.params.get("payment_method"):
        method = payments.use_method(call.world, identifier, intent["customer"])
        intent["payment_method"] = method["id"]
    if intent["payment_method"] is None:
        raise unexpected_state(
            "payment_intent_unexpected_state",
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            payment_intent=intent,
        )
    for name in ("setup_future_usage", "receipt_email"):
        intent[name] = call.params.get(name, intent[name])
    return _confirmed(call, intent)


def _changeable(call: Call, verb: str) -> Json:
    intent = call.world.get("payment_intent", call.id)
    if intent["status"] not in _CHANGEABLE:
        raise unexpected_state(
            "payment_intent_unexpected_state",
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
            payment_intent=intent,
        )
    return intent


def _retrieve(call: Call) -> Json:
    return call.world.get("payment_intent", call.id)


def _update(call: Call) -> Json:
    intent = call.world.get("payment_intent", call.id)
    if set(call.params) - {"metadata", "description", "receipt_email", "transfer_group"}:
        intent = _changeable(call, "update")
    plain = set(call.params) - {"metadata", "payment_method"}
    intent |= {name: call.params[name] for name in plain}
    if identifier := call.params.get("payment_method"):
        method = payments.use_method(call.world, identifier, intent["customer"])
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    update_metadata(intent, call.params)
    return intent


def _cancel(call: Call) -> Json:
    intent = _changeable(call, "cancel")
    intent |= {
        "status": "canceled",
        "canceled_at": call.world.second(),
        "cancellation_reason": call.params.get("cancellation_reason"),
        "next_action": None,
    }
    emit(call.world, "payment_intent.canceled", intent)
    return intent


def _list(call: Call) -> Json:
    customer = call.params.get("customer")
    items = call.world.all("payment_intent")
    found = (item for item in items if customer in (None, item["customer"]))
    return page(call, found, "/v1/payment_intents")


_CREATE: Shape = (
    _COMMON
    | _CONFIRM
    | {
        "amount": Required(cents),
        "currency": Required(currency),
        "confirm": boolean,
        "capture_method": one_of("automatic", "automatic_async"),
        "automatic_payment_methods": _AUTOMATIC,
    }
)
_REASON = one_of("duplicate", "fraudulent", "requested_by_customer", "abandoned")
OPERATIONS = [
    Operation("POST", "/v1/payment_intents", _create, _CREATE),
    Operation("GET", "/v1/payment_intents", _list, PAGE | {"customer": full}),
    Operation("GET", "/v1/payment_intents/{id}", _retrieve, {}),
    Operation("POST", "/v1/payment_intents/{id}", _update, _COMMON | {"amount": cents}),
    Operation("POST", "/v1/payment_intents/{id}/confirm", _confirm, _CONFIRM),
    Operation("POST", "/v1/payment_intents/{id}/cancel", _cancel, {"cancellation_reason": _REASON}),
]
