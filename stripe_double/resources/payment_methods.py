"""Payment methods: cards, saved to a customer or used once."""

from stripe_double.call import Call, Operation
from stripe_double.cards import READY, brand, card_error, card_of, checked_number, fingerprint
from stripe_double.errors import invalid
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.params import ADDRESS, TURN, Required, Shape, full, hashed, integer, metadata, one_of, text
from stripe_double.resources.common import billing_details, update_metadata
from stripe_double.world import Json, World

BILLING = hashed({"address": ADDRESS, "email": text, "name": text, "phone": text})
_CARD: Shape = {
    "number": Required(full),
    "exp_month": Required(integer),
    "exp_year": Required(integer),
    "cvc": text,
}


def new_card(world: World, number: str, month: int, year: int, billing: Json | None = None) -> Json:
    """Return a new payment method of a card. Raises StripeError for a card that is none or has expired."""
    number = checked_number(number, "number")
    if not 1 <= month <= 12:
        raise card_error("invalid_expiry_month", None, param="exp_month")
    year += 2_000 if year < 100 else 0
    method: Json = {
        "id": world.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(billing),
        "card": {
            "brand": brand(number),
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "display_brand": brand(number),
            "exp_month": month,
            "exp_year": year,
            "fingerprint": fingerprint(number),
            "funding": "credit",
            "generated_from": None,
            "last4": number[-4:],
            "networks": {"available": [brand(number)], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": world.second(),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    return world.add(method, number=number, set_up=False, used=False)


def use_method(world: World, identifier: str, customer: str | None, param: str = "payment_method") -> Json:
    """Return the payment method that a request names, for a payment by `customer` (None: a guest).

    Raises StripeError if it is nobody's, somebody else's, or spent.
    """
    if identifier in READY:
        return new_card(world, READY[identifier], 12, 2_040)
    method = world.get("payment_method", identifier, param=param, status=400)
    if method["customer"] not in (None, customer):
        raise invalid(
            f"The PaymentMethod {identifier} belongs to another customer, or you must name its customer.",
            param,
        )
    if method["customer"] is None and world.secrets[identifier]["used"]:
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment,"
            " or was detached from a Customer. It may not be used again.",
            param,
        )
    return method


def attach(world: World, method: Json, customer: str) -> None:
    """Save a payment method to a customer. Raises StripeError if the card refuses or it is another's."""
    if method["customer"] == customer:
        return
    if method["customer"] or world.secrets[method["id"]]["used"]:
        raise invalid("This PaymentMethod is another customer's or spent, and cannot be attached.")
    method["customer"] = customer
    emit(world, "payment_method.attached", method)


def _create(call: Call) -> Json:
    if call.params["type"] == "card" and "card" not in call.params:
        raise invalid("Missing required param: card.", "card", "parameter_missing")
    card = call.params["card"]
    billing = call.params.get("billing_details")
    method = new_card(call.world, card["number"], card["exp_month"], card["exp_year"], billing)
    update_metadata(method, call.params)
    return method


def _retrieve(call: Call) -> Json:
    return call.world.get("payment_method", call.id)


def _update(call: Call) -> Json:
    method = call.world.get("payment_method", call.id)
    method["card"] |= call.params.get("card", {})
    method["billing_details"] |= call.params.get("billing_details", {})
    update_metadata(method, call.params)
    emit(call.world, "payment_method.updated", method)
    return method


def _attach(call: Call) -> Json:
    customer = call.world.get("customer", call.params["customer"], param="customer", status=400)
    method = use_method(call.world, call.id, customer["id"])
    card = card_of(call.world.secrets[method["id"]]["number"])
    if card.decline and card.decline_on_save:
        raise card_error(*card.decline)
    attach(call.world, method, customer["id"])
    return method


def _detach(call: Call) -> Json:
    method = call.world.get("payment_method", call.id)
    if method["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise invalid(message)
    before = {"customer": method["customer"]}
    method["customer"] = None
    call.world.secrets[method["id"]]["used"] = True
    emit(call.world, "payment_method.detached", method, before=before)
    return method


def _list(call: Call) -> Json:
    customer = call.path.get("id") or call.params.get("customer")
    if customer:
        call.world.get("customer", customer, param="customer")
    items = (item for item in call.world.all("payment_method") if item["customer"] == customer)
    return page(call, items if customer else [], "/v1/payment_methods")


_ONLY_CARDS = one_of("card")
_UPDATE: Shape = {
    "metadata": metadata,
    "billing_details": BILLING,
    "card": hashed({"exp_month": integer, "exp_year": integer}),
}
OPERATIONS = [
    Operation(
        "POST",
        "/v1/payment_methods",
        _create,
        {
            "type": Required(_ONLY_CARDS),
            "card": hashed(_CARD),
            "billing_details": BILLING,
            "metadata": metadata,
        },
    ),
    Operation("GET", "/v1/payment_methods", _list, TURN | {"customer": full, "type": _ONLY_CARDS}),
    Operation("GET", "/v1/customers/{id}/payment_methods", _list, TURN | {"type": _ONLY_CARDS}),
    Operation("GET", "/v1/payment_methods/{id}", _retrieve, {}),
    Operation("POST", "/v1/payment_methods/{id}", _update, _UPDATE),
    Operation("POST", "/v1/payment_methods/{id}/attach", _attach, {"customer": Required(full)}),
    Operation("POST", "/v1/payment_methods/{id}/detach", _detach, {}),
]
