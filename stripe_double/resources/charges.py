"""Charges: what a payment intent's attempt leaves behind."""

from stripe_double.call import Call, Operation
from stripe_double.cards import card_of
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.money import DAY_S, move, processing_fee
from stripe_double.params import PAGE, full, hashed, metadata, one_of, text
from stripe_double.resources.common import update_metadata
from stripe_double.world import Json, World

_FRAUD = {"fraud_details": hashed({"user_report": one_of("fraudulent", "safe")})}


def new_charge(world: World, intent: Json, method: Json, error: Json | None) -> Json:
    """Return a new charge of an intent: failed with a card error, or succeeded if there is none."""
    charge: Json = {
        "id": world.new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if error else intent["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "CUX",
        "captured": error is None,
        "created": world.second(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": error["code"] if error else None,
        "failure_message": error["message"] if error else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(error),
        "paid": error is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": _card_details(intent["amount"], method), "type": "card"},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if error else "succeeded",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
    return world.add(charge, number=world.secrets[method["id"]]["number"])


def _outcome(error: Json | None) -> Json:
    if error and error.get("decline_code") == "fraudulent":
        return {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "risk_level": "highest",
            "risk_score": 92,
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return {
        "network_status": "declined_by_network" if error else "approved_by_network",
        "reason": (error.get("decline_code") or error["code"]) if error else None,
        "risk_level": "normal",
        "risk_score": 15,
        "seller_message": "The bank declined." if error else "Payment complete.",
        "type": "issuer_declined" if error else "authorized",
    }


def _card_details(amount: int, method: Json) -> Json:
    shown = (
        "brand",
        "checks",
        "country",
        "exp_month",
        "exp_year",
        "fingerprint",
        "funding",
        "last4",
        "wallet",
    )
    return {name: method["card"][name] for name in shown} | {
        "amount_authorized": amount,
        "authorization_code": "123456",
        "installments": None,
        "mandate": None,
        "network": method["card"]["brand"],
        "network_token": {"used": False},
        "network_transaction_id": "10101010101010",
        "regulated_status": "unregulated",
        "three_d_secure": None,
    }


def book(world: World, charge: str) -> None:
    """Put a charge's money, less Stripe's fee, into the pending balance (also a job, when that is late)."""
    item = world.objects[charge]
    at_once = card_of(world.secrets[charge]["number"]).available_at_once
    days = 0 if at_once else world.settings.get("available_after_days", 2)
    transaction = move(
        world,
        "charge",
        item["amount"],
        charge,
        fee=processing_fee(item["amount"]),
        available_on=world.second() + days * DAY_S,
        description=item["description"],
    )
    item["balance_transaction"] = transaction["id"]


def _retrieve(call: Call) -> Json:
    return call.world.get("charge", call.id, call.account)


def _update(call: Call) -> Json:
    charge = call.world.get("charge", call.id, call.account)
    update_metadata(charge, call.params)
    if "description" in call.params:
        charge["description"] = call.params["description"]
    charge["fraud_details"] |= call.params.get("fraud_details", {})
    emit(call.world, "charge.updated", charge, call.account)
    return charge


def _list(call: Call) -> Json:
    names = ("customer", "payment_intent", "transfer_group")
    wanted = {name: call.params[name] for name in names if name in call.params}
    items = call.world.all("charge", call.account)
    return page(
        call,
        (item for item in items if all(item[name] == value for name, value in wanted.items())),
        "/v1/charges",
    )


OPERATIONS = [
    Operation(
        "GET",
        "/v1/charges",
        _list,
        PAGE | {"customer": full, "payment_intent": full, "transfer_group": full},
    ),
    Operation("GET", "/v1/charges/{id}", _retrieve, {}),
    Operation("POST", "/v1/charges/{id}", _update, _FRAUD | {"metadata": metadata, "description": text}),
]
