"""Disputes: the money leaves when one is opened, and comes back only if it is won."""

from stripe_double.call import Call, Operation
from stripe_double.errors import invalid
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.money import DAY_S, DISPUTE_FEE, move
from stripe_double.params import PAGE, Shape, boolean, full, hashed, metadata, text
from stripe_double.resources.common import update_metadata
from stripe_double.world import Json, World, copied

_OPEN = ("needs_response", "under_review")
_DUE_S = 9 * DAY_S
_TEXTS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
_FILES = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
_EVIDENCE: Shape = dict.fromkeys(_TEXTS, text)


def open_dispute(world: World, charge: str, reason: str = "fraudulent", amount: int | None = None) -> Json:
    """Open a dispute of a charge: its amount and a fee leave the balance at once (a job, and a control).

    Raises StripeError for a charge that was not paid or is disputed already, and for an amount above it.
    """
    item = world.get("charge", charge)
    left = item["amount"] - item["amount_refunded"]
    amount = left if amount is None else amount
    if not item["paid"] or item["disputed"] or not 1 <= amount <= left:
        raise invalid(f"Charge {charge} cannot be disputed for {amount} cents.")
    details = {"brand": item["payment_method_details"]["card"]["brand"], "case_type": "chargeback"}
    details |= {"network_reason_code": "10.4", "network": details["brand"]}
    dispute: Json = {
        "id": world.new_id("dp"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge,
        "created": world.second(),
        "currency": "usd",
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(_TEXTS + _FILES) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.second() + _DUE_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": item["payment_intent"],
        "payment_method_details": {"card": details, "type": "card"},
        "reason": reason,
        "status": "needs_response",
    }
    world.add(dispute)
    item["disputed"] = True
    emit(world, "charge.dispute.created", dispute)
    _move(world, dispute, -amount, DISPUTE_FEE, f"Chargeback withdrawal for {charge}")
    emit(world, "charge.dispute.funds_withdrawn", dispute)
    world.after(_DUE_S, "dispute_due", dispute=dispute["id"])
    return dispute


def _move(world: World, dispute: Json, amount: int, fee: int, description: str) -> None:
    category = "dispute" if amount < 0 else "dispute_reversal"
    moved = move(
        world, "adjustment", amount, dispute["id"], fee=fee, category=category, description=description
    )
    dispute["balance_transactions"].append(copied(moved))


def reinstate(world: World, dispute: str) -> Json:
    """Give the disputed money back (the fee too, if the settings say so). Raises StripeError if it was."""
    item = world.get("dispute", dispute)
    if len(item["balance_transactions"]) != 1:
        raise invalid(f"The funds of dispute {dispute} were reinstated already.")
    fee = -DISPUTE_FEE if world.settings.get("dispute_fee_returned") else 0
    _move(world, item, item["amount"], fee, f"Chargeback reversal for {item['charge']}")
    emit(world, "charge.dispute.funds_reinstated", item)
    return item


def win(world: World, dispute: str) -> Json:
    """Decide for us, also after a loss: the money comes back. Raises StripeError if it was won already."""
    item = world.get("dispute", dispute)
    if item["status"] == "won":
        raise invalid(f"Dispute {dispute} is won already.")
    before = {"status": item["status"]}
    item["status"] = "won"
    world.secrets[item["charge"]]["refundable"] = True
    if len(item["balance_transactions"]) == 1:
        reinstate(world, dispute)
    emit(world, "charge.dispute.closed", item, before=before)
    return item


def lose(world: World, dispute: str) -> Json:
    """Decide for the cardholder. Raises StripeError if the dispute is decided."""
    item = world.get("dispute", dispute)
    if item["status"] not in _OPEN:
        raise invalid(f"Dispute {dispute} is decided: {item['status']}.")
    before = {"status": item["status"]}
    item["status"] = "lost"
    emit(world, "charge.dispute.closed", item, before=before)
    return item


def unanswered(world: World, dispute: str) -> None:
    """Lose a dispute that nobody answered in time (a job)."""
    if world.objects[dispute]["status"] == "needs_response":
        world.objects[dispute]["evidence_details"]["past_due"] = True
        lose(world, dispute)


def _retrieve(call: Call) -> Json:
    return call.world.get("dispute", call.id)


def _update(call: Call) -> Json:
    dispute = call.world.get("dispute", call.id)
    update_metadata(dispute, call.params)
    if evidence := call.params.get("evidence"):
        if dispute["status"] != "needs_response":
            raise invalid(
                "This dispute can no longer be updated: its evidence was submitted, or it is closed."
            )
        dispute["evidence"] |= evidence
        dispute["evidence_details"]["has_evidence"] = True
        if call.params.get("submit", True):
            _submitted(call.world, dispute)
    return dispute


def _submitted(world: World, dispute: Json) -> None:
    """Review the evidence; these two words decide at once, as in Stripe's test mode."""
    dispute["evidence_details"] |= {"submission_count": 1, "submission_method": "manual"}
    dispute["status"] = "under_review"
    emit(world, "charge.dispute.updated", dispute, before={"status": "needs_response"})
    words = dispute["evidence"]["uncategorized_text"]
    if words == "winning_evidence":
        win(world, dispute["id"])
    elif words == "losing_evidence":
        lose(world, dispute["id"])


def _close(call: Call) -> Json:
    return lose(call.world, call.id)


def _list(call: Call) -> Json:
    wanted = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    items = call.world.all("dispute")
    found = (item for item in items if all(item[name] == value for name, value in wanted.items()))
    return page(call, found, "/v1/disputes")


OPERATIONS = [
    Operation("GET", "/v1/disputes", _list, PAGE | {"charge": full, "payment_intent": full}),
    Operation("GET", "/v1/disputes/{id}", _retrieve, {}),
    Operation(
        "POST",
        "/v1/disputes/{id}",
        _update,
        {"evidence": hashed(_EVIDENCE), "submit": boolean, "metadata": metadata},
    ),
    Operation("POST", "/v1/disputes/{id}/close", _close, {}),
]
