"""Refunds: what goes back to the card. Stripe keeps its fee."""

from typing import Any

from stripe_double.call import Call, Operation
from stripe_double.cards import card_of
from stripe_double.errors import invalid
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.money import move
from stripe_double.params import PAGE, Shape, cents, full, metadata, one_of
from stripe_double.resources.common import update_metadata
from stripe_double.world import Json, World

_LATER_S = 5.0


def _create(call: Call) -> Json:
    charge = _charge(call)
    left = charge["amount"] - charge["amount_refunded"]
    amount = call.params.get("amount", left)
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", None, "charge_already_refunded")
    if amount > left:
        raise invalid(
            f"Refund amount ({_dollars(amount)}) is greater than unrefunded amount on charge"
            f" ({_dollars(left)})",
            "amount",
        )
    return _new(call.world, charge, amount, call.params)


def _charge(call: Call) -> Json:
    """Return the charge to refund. Raises StripeError if none is named, or it cannot be refunded."""
    world, params = call.world, call.params
    if ("charge" in params) == ("payment_intent" in params):
        raise invalid("One of the following params should be provided: payment_intent or charge.")
    if "payment_intent" in params:
        intent = world.get("payment_intent", params["payment_intent"], param="payment_intent", status=400)
        if intent["status"] != "succeeded":
            raise invalid(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        charge = world.objects[intent["latest_charge"]]
    else:
        charge = world.get("charge", params["charge"], param="charge", status=400)
    if not charge["paid"]:
        raise invalid(f"Charge {charge['id']} was not successful, and cannot be refunded.", "charge")
    if charge["disputed"] and not world.secrets[charge["id"]].get("refundable"):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, None, "charge_disputed")
    return charge


def _dollars(amount: int) -> str:
    return f"${amount // 100}.{amount % 100:02d}"


def _new(world: World, charge: Json, amount: int, params: dict[str, Any]) -> Json:
    identifier = world.new_id("re")
    source = world.objects.get(charge["balance_transaction"] or "", {"available_on": 0})
    moved = move(
        world,
        "refund",
        -amount,
        identifier,
        available_on=source["available_on"],
        description=f"REFUND FOR CHARGE ({charge['id']})",
    )
    refund: Json = {
        "id": identifier,
        "object": "refund",
        "amount": amount,
        "balance_transaction": moved["id"],
        "charge": charge["id"],
        "created": world.second(),
        "currency": "usd",
        "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    update_metadata(refund, params)
    world.add(refund)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    _plan(world, refund, card_of(world.secrets[charge["id"]]["number"]).refund)
    emit(world, "refund.created", refund)
    emit(world, "charge.refunded", charge)
    return refund


def _plan(world: World, refund: Json, fate: str) -> None:
    pending_s = world.settings.get("refund_pending_s", 0)
    if fate == "fails":
        world.after(pending_s or _LATER_S, "refund_fails", refund=refund["id"])
    elif fate == "pending" or pending_s:
        world.after(pending_s or _LATER_S, "refund_succeeds", refund=refund["id"])
    if fate == "pending" or pending_s:
        refund |= {"status": "pending", "pending_reason": "processing"}


def refund_succeeds(world: World, refund: str) -> None:
    """Let a pending refund arrive (a job, and a control)."""
    item = world.objects[refund]
    if item["status"] != "pending":
        return
    item["status"] = "succeeded"
    item.pop("pending_reason", None)
    _updated(world, item, {"status": "pending"})


def refund_fails(world: World, refund: str, reason: str = "expired_or_canceled_card") -> None:
    """Let a refund fail: its money comes back to the balance (a job, and a control)."""
    item = world.objects[refund]
    if item["status"] not in ("pending", "succeeded"):
        return
    before = {"status": item["status"]}
    description = f"REFUND FAILURE FOR CHARGE ({item['charge']})"
    moved = move(world, "refund_failure", item["amount"], refund, description=description)
    item |= {
        "status": "failed",
        "failure_reason": reason,
        "failure_balance_transaction": moved["id"],
    }
    item.pop("pending_reason", None)
    charge = world.objects[item["charge"]]
    charge["amount_refunded"] -= item["amount"]
    charge["refunded"] = False
    emit(world, "refund.failed", item, before=before)
    _updated(world, item, before)


def _updated(world: World, refund: Json, before: Json) -> None:
    emit(world, "refund.updated", refund, before=before)
    emit(world, "charge.refund.updated", refund, before=before)


def _retrieve(call: Call) -> Json:
    return call.world.get("refund", call.id)


def _update(call: Call) -> Json:
    refund = call.world.get("refund", call.id)
    update_metadata(refund, call.params)
    return refund


def _list(call: Call) -> Json:
    wanted = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    items = call.world.all("refund")
    found = (item for item in items if all(item[name] == value for name, value in wanted.items()))
    return page(call, found, "/v1/refunds")


_BY: Shape = {"charge": full, "payment_intent": full}
_REASON = one_of("duplicate", "fraudulent", "requested_by_customer")
OPERATIONS = [
    Operation(
        "POST", "/v1/refunds", _create, _BY | {"amount": cents, "reason": _REASON, "metadata": metadata}
    ),
    Operation("GET", "/v1/refunds", _list, PAGE | _BY),
    Operation("GET", "/v1/refunds/{id}", _retrieve, {}),
    Operation("POST", "/v1/refunds/{id}", _update, {"metadata": metadata}),
]
