"""Payouts: from an account's balance to its bank."""

from typing import Any

from stripe_double.call import Call, Operation
from stripe_double.errors import invalid
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.money import DAY_S, balance_of, move, require_available
from stripe_double.params import PAGE, Required, Shape, cents, currency, full, metadata, one_of, text
from stripe_double.resources.common import update_metadata
from stripe_double.world import Json, World

_LEAVES_S, _ARRIVES_S = 3_600, 2 * DAY_S
# Stripe's test bank accounts whose payouts fail, and why.
FAILING_BANKS = {
    "000111111116": "no_account",
    "000111111113": "account_closed",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000444444440": "invalid_currency",
}


def _create(call: Call) -> Json:
    if not call.account:
        raise invalid("The double's platform account has no bank: send a connected account's payout.")
    account = call.world.get("account", call.account, param="Stripe-Account")
    if not account["payouts_enabled"]:
        raise invalid("Payouts are not enabled for this account.", None, "payouts_not_allowed")
    return _new(call.world, call.account, call.params, automatic=False)


def _new(world: World, account: str, params: dict[str, Any], *, automatic: bool) -> Json:
    amount = params["amount"]
    message = "You have insufficient funds in your Stripe account for this transfer."
    require_available(world, account, amount, message)
    bank = _bank(world, account, params.get("destination"))
    identifier = world.new_id("po")
    moved = move(world, "payout", -amount, identifier, account=account, description="STRIPE PAYOUT")
    payout: Json = {
        "id": identifier,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": world.second() + _ARRIVES_S,
        "automatic": automatic,
        "balance_transaction": moved["id"],
        "created": world.second(),
        "currency": "usd",
        "description": params.get("description"),
        "destination": bank["id"],
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": params.get("statement_descriptor"),
        "status": "pending",
        "trace_id": None,
        "type": "bank_account",
    }
    update_metadata(payout, params)
    world.add(payout, account)
    emit(world, "payout.created", payout, account)
    world.after(_LEAVES_S, "payout_leaves", payout=identifier)
    world.after(_ARRIVES_S, "payout_arrives", payout=identifier)
    return payout


def _bank(world: World, account: str, wanted: str | None) -> Json:
    for bank in world.all("bank_account", account):
        if wanted in (None, bank["id"]) and not bank.get("deleted"):
            if bank["status"] == "errored":
                message = "The bank account has payouts disabled: a payout to it failed. Replace it."
                raise invalid(message, "destination", "bank_account_unusable")
            return bank
    raise invalid("This account has no bank account to pay out to.", "destination", "no_account")


def leaves(world: World, payout: str) -> None:
    """Hand a payout to the bank (a job)."""
    item = world.objects[payout]
    if item["status"] == "pending":
        item["status"] = "in_transit"
        item["trace_id"] = {"status": "pending", "value": None}
        emit(world, "payout.updated", item, world.owners[payout], {"status": "pending"})


def arrives(world: World, payout: str) -> None:
    """Let a payout arrive, or fail at a bank account that fails (a job)."""
    item = world.objects[payout]
    if item["status"] not in ("pending", "in_transit"):
        return
    number = world.secrets[item["destination"]]["number"]
    if number in FAILING_BANKS:
        fail(world, payout, FAILING_BANKS[number])
        return
    before = {"status": item["status"]}
    item["status"] = "paid"
    item["trace_id"] = {"status": "supported", "value": f"FED{item['created']}"}
    if item["automatic"]:
        item["reconciliation_status"] = "completed"
    emit(world, "payout.updated", item, world.owners[payout], before)
    emit(world, "payout.paid", item, world.owners[payout])


def fail(world: World, payout: str, code: str = "account_closed") -> Json:
    """Let a payout fail, also one that counted as paid: its money returns to the account's balance.

    Raises StripeError if it has failed or was cancelled.
    """
    account = world.owners.get(payout, "")
    item = world.get("payout", payout, account)
    if item["status"] in ("failed", "canceled"):
        raise invalid(f"Payout {payout} is {item['status']} already.")
    before = {"status": item["status"]}
    moved = move(world, "payout_failure", item["amount"], payout, account=account, category="payout_reversal")
    item |= {
        "status": "failed",
        "failure_code": code,
        "failure_message": f"The bank returned the payout: {code.replace('_', ' ')}.",
        "failure_balance_transaction": moved["id"],
    }
    bank = world.objects[item["destination"]]
    bank["status"] = "errored"
    emit(world, "payout.failed", item, account, before)
    emit(world, "account.external_account.updated", bank, account, {"status": "new"})
    return item


def pay_out_everything(world: World, account: str) -> None:
    """Pay out what is available, as an account with a daily schedule has it (a job)."""
    item = world.objects[account]
    amount = balance_of(world, account)["available"]
    interval = item["settings"]["payouts"]["schedule"]["interval"] if "settings" in item else "manual"
    if interval == "manual" or amount <= 0 or not item["payouts_enabled"]:
        return
    if all(bank["status"] != "errored" for bank in world.all("bank_account", account)):
        _new(world, account, {"amount": amount}, automatic=True)


def _cancel(call: Call) -> Json:
    payout = call.world.get("payout", call.id, call.account)
    if payout["status"] != "pending":
        message = f"Payouts may only be canceled while pending; this one is {payout['status']}."
        raise invalid(message, None, "payout_not_cancelable")
    amount = payout["amount"]
    moved = move(
        call.world, "payout_cancel", amount, call.id, account=call.account, category="payout_reversal"
    )
    payout |= {"status": "canceled", "failure_balance_transaction": moved["id"]}
    emit(call.world, "payout.canceled", payout, call.account, {"status": "pending"})
    return payout


def _retrieve(call: Call) -> Json:
    return call.world.get("payout", call.id, call.account)


def _update(call: Call) -> Json:
    payout = call.world.get("payout", call.id, call.account)
    update_metadata(payout, call.params)
    emit(call.world, "payout.updated", payout, call.account)
    return payout


def _list(call: Call) -> Json:
    wanted = {name: call.params[name] for name in ("status", "destination") if name in call.params}
    items = call.world.all("payout", call.account)
    found = (item for item in items if all(item[name] == value for name, value in wanted.items()))
    return page(call, found, "/v1/payouts")


_STATUS = one_of("pending", "in_transit", "paid", "failed", "canceled")
_CREATE: Shape = {
    "amount": Required(cents),
    "currency": Required(currency),
    "description": text,
    "destination": full,
    "metadata": metadata,
    "method": one_of("standard"),
    "source_type": one_of("card"),
    "statement_descriptor": text,
}
OPERATIONS = [
    Operation("POST", "/v1/payouts", _create, _CREATE),
    Operation("GET", "/v1/payouts", _list, PAGE | {"status": _STATUS, "destination": full}),
    Operation("GET", "/v1/payouts/{id}", _retrieve, {}),
    Operation("POST", "/v1/payouts/{id}", _update, {"metadata": metadata}),
    Operation("POST", "/v1/payouts/{id}/cancel", _cancel, {}),
]
