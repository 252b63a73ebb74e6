"""Transfers from the platform to connected accounts, and their reversals."""

from stripe_double.call import Call, Operation
from stripe_double.errors import invalid
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.money import DAY_S, move, require_available
from stripe_double.params import PAGE, TURN, Required, Shape, cents, currency, full, metadata, text
from stripe_double.resources.common import billing_details, update_metadata
from stripe_double.world import Json, World

_POOR = (
    "You have insufficient available funds in your Stripe account. Try adding funds directly to your"
    " available balance by creating Charges using the 4000000000000077 test card."
)


def _create(call: Call) -> Json:
    world, params = call.world, call.params
    account = world.get("account", params["destination"], param="destination", status=400)
    if account["capabilities"].get("transfers") != "active":
        raise invalid(
            "Your destination account needs to have at least one of the following capabilities enabled:"
            " transfers, crypto_transfers, legacy_payments",
            None,
            "insufficient_capabilities_for_transfer",
        )
    require_available(world, "", params["amount"], _POOR)
    amount, destination, identifier = params["amount"], account["id"], world.new_id("tr")
    moved = move(world, "transfer", -amount, identifier, description=params.get("description"))
    transfer: Json = {
        "id": identifier,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": moved["id"],
        "created": world.second(),
        "currency": "usd",
        "description": params.get("description"),
        "destination": destination,
        "destination_payment": _arrival(world, destination, amount, identifier)["id"],
        "livemode": False,
        "metadata": {},
        "reversals": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/transfers/{identifier}/reversals",
        },
        "reversed": False,
        "source_transaction": None,
        "source_type": "card",
        "transfer_group": params.get("transfer_group"),
    }
    update_metadata(transfer, params)
    world.add(transfer)
    emit(world, "transfer.created", transfer)
    if account["settings"]["payouts"]["schedule"]["interval"] != "manual":
        world.after(DAY_S, "payout_automatic", account=destination)
    return transfer


def _arrival(world: World, account: str, amount: int, transfer: str) -> Json:
    """Return the payment that a transfer is at its destination."""
    identifier = world.new_id("py")
    moved = move(world, "payment", amount, identifier, account=account, category="transfer")
    payment: Json = {
        "id": identifier,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "balance_transaction": moved["id"],
        "billing_details": billing_details(),
        "captured": True,
        "created": world.second(),
        "currency": "usd",
        "customer": None,
        "disputed": False,
        "livemode": False,
        "metadata": {},
        "paid": True,
        "payment_intent": None,
        "refunded": False,
        "source_transfer": transfer,
        "status": "succeeded",
        "transfer_group": None,
    }
    return world.add(payment, account)


def _reverse(call: Call) -> Json:
    world = call.world
    transfer = world.get("transfer", call.id)
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = call.params.get("amount", left)
    if left == 0 or amount > left:
        message = f"Transfer {call.id} has {left} cents left to reverse, not {amount or 'more'}."
        raise invalid(message, "amount", "amount_too_large" if left else "transfer_already_reversed")
    message = "The connected account's balance does not cover this reversal."
    require_available(world, transfer["destination"], amount, message)
    return reverse(world, call.id, call.params | {"amount": amount})


def reverse(world: World, name: str, given: Json) -> Json:
    """Take an amount (or all that is left) back from a connected account, which may be left owing."""
    transfer = world.get("transfer", name)
    amount = given.get("amount", transfer["amount"] - transfer["amount_reversed"])
    if not amount:
        raise invalid(f"Transfer {name} is reversed already.", None, "transfer_already_reversed")
    identifier = world.new_id("trr")
    moved = move(world, "transfer_refund", amount, identifier, category="transfer_reversal")
    move(
        world,
        "payment_refund",
        -amount,
        transfer["destination_payment"],
        account=transfer["destination"],
        category="transfer_reversal",
    )
    reversal: Json = {
        "id": identifier,
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": moved["id"],
        "created": world.second(),
        "currency": "usd",
        "destination_payment_refund": None,
        "metadata": {},
        "source_refund": None,
        "transfer": name,
    }
    update_metadata(reversal, given)
    world.add(reversal)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, dict(reversal))
    transfer["reversals"]["total_count"] += 1
    emit(world, "transfer.reversed", transfer)
    return reversal


def _retrieve(call: Call) -> Json:
    return call.world.get("transfer", call.id)


def _update(call: Call) -> Json:
    transfer = call.world.get("transfer", call.id)
    update_metadata(transfer, call.params)
    transfer["description"] = call.params.get("description", transfer["description"])
    emit(call.world, "transfer.updated", transfer)
    return transfer


def _list(call: Call) -> Json:
    wanted = {name: call.params[name] for name in ("destination", "transfer_group") if name in call.params}
    items = call.world.all("transfer")
    found = (item for item in items if all(item[name] == value for name, value in wanted.items()))
    return page(call, found, "/v1/transfers")


def _reversals(call: Call) -> Json:
    call.world.get("transfer", call.id)
    items = (item for item in call.world.all("transfer_reversal") if item["transfer"] == call.id)
    return page(call, items, f"/v1/transfers/{call.id}/reversals")


def _reversal(call: Call) -> Json:
    return call.world.get("transfer_reversal", call.path["reversal"])


_CREATE: Shape = {
    "amount": Required(cents),
    "currency": Required(currency),
    "destination": Required(full),
    "description": text,
    "metadata": metadata,
    "transfer_group": full,
}
OPERATIONS = [
    Operation("POST", "/v1/transfers", _create, _CREATE),
    Operation("GET", "/v1/transfers", _list, PAGE | {"destination": full, "transfer_group": full}),
    Operation("GET", "/v1/transfers/{id}", _retrieve, {}),
    Operation("POST", "/v1/transfers/{id}", _update, {"metadata": metadata, "description": text}),
    Operation(
        "POST",
        "/v1/transfers/{id}/reversals",
        _reverse,
        {"amount": cents, "metadata": metadata, "description": text},
    ),
    Operation("GET", "/v1/transfers/{id}/reversals", _reversals, TURN),
    Operation("GET", "/v1/transfers/{id}/reversals/{reversal}", _reversal, {}),
]
