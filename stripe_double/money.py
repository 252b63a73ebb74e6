"""Balances: every movement is a balance transaction, and a balance is their sum."""

from stripe_double.call import Call, Operation
from stripe_double.errors import invalid
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.params import PAGE, full, text
from stripe_double.world import Json, World

DAY_S = 86_400
# What Stripe takes of a card payment: 2.9 % + 30 c; and for a dispute: 15 dollars.
FEE_PPT, FEE_FIXED, DISPUTE_FEE = 29, 30, 1_500


def processing_fee(amount: int) -> int:
    """Return Stripe's fee of a card payment in cents, halves rounded up."""
    return (amount * FEE_PPT + 500) // 1_000 + FEE_FIXED


def move(
    world: World,
    kind: str,
    amount: int,
    source: str,
    *,
    account: str = "",
    fee: int = 0,
    available_on: float | None = None,
    category: str | None = None,
    description: str | None = None,
) -> Json:
    """Book an amount (cents, negative: out) less a fee to an account's balance; return the transaction.

    Until `available_on` it is pending.
    """
    now = world.second()
    due = now if available_on is None else int(available_on)
    status = "pending" if due > now else "available"
    details = {"amount": fee, "application": None, "currency": "usd", "description": "Stripe processing fees"}
    details["type"] = "stripe_fee"
    transaction: Json = {
        "id": world.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": max(due, now),
        "balance_type": "payments",
        "created": now,
        "currency": "usd",
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": amount - fee,
        "reporting_category": category or kind,
        "source": source,
        "status": status,
        "type": kind,
    }
    world.add(transaction, account)
    sums = balance_of(world, account)
    sums[status] += transaction["net"]
    if status == "pending":
        world.at(due, "mature", transaction=transaction["id"])
    return transaction


def balance_of(world: World, account: str) -> dict[str, int]:
    """Return an account's balance in cents: `available` and `pending`."""
    return world.balances.setdefault(account, {"available": 0, "pending": 0})


def mature(world: World, transaction: str) -> None:
    """Make a pending transaction's money available (a job)."""
    item = world.objects[transaction]
    account = world.owners[transaction]
    item["status"] = "available"
    sums = balance_of(world, account)
    sums["pending"] -= item["net"]
    sums["available"] += item["net"]
    emit(world, "balance.available", balance(world, account), account)


def require_available(world: World, account: str, amount: int, message: str) -> None:
    """Raise StripeError (`balance_insufficient`) unless the amount is available."""
    if balance_of(world, account)["available"] < amount:
        raise invalid(message, None, "balance_insufficient")


def balance(world: World, account: str) -> Json:
    """Return the Balance object of an account."""
    sums = balance_of(world, account)

    def part(amount: int) -> list[Json]:
        return [{"amount": amount, "currency": "usd", "source_types": {"card": amount}}]

    result: Json = {
        "object": "balance",
        "available": part(sums["available"]),
        "livemode": False,
        "pending": part(sums["pending"]),
        "refund_and_dispute_prefunding": {"available": part(0), "pending": part(0)},
    }
    if not account:
        result["connect_reserved"] = [{"amount": 0, "currency": "usd"}]
    return result


def _retrieve_balance(call: Call) -> Json:
    return balance(call.world, call.account)


def _retrieve(call: Call) -> Json:
    return call.world.get("balance_transaction", call.id, call.account)


def _list(call: Call) -> Json:
    names = ("type", "source", "currency")
    wanted = {name: call.params[name] for name in names if call.params.get(name)}
    items = call.world.all("balance_transaction", call.account)
    found = (item for item in items if all(item[name] == value for name, value in wanted.items()))
    return page(call, found, "/v1/balance_transactions")


OPERATIONS = [
    Operation("GET", "/v1/balance", _retrieve_balance, {}),
    Operation(
        "GET",
        "/v1/balance_transactions",
        _list,
        PAGE | {"type": text, "source": full, "currency": full},
    ),
    Operation("GET", "/v1/balance_transactions/{id}", _retrieve, {}),
]
