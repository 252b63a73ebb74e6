"""The double cannot drift: the SDK knows each parameter it takes and each field that it sends."""

import importlib

import pytest
import stripe

from stripe_double.app import OPERATIONS
from stripe_double.call import Operation
from tests.integration.stripe_double.oracle import OBJECTS, differences, unknown_parameters
from tests.stripe import StripeDouble

_ACTIONS = {"attach", "cancel", "close", "confirm", "detach", "expire"}
_OF_ONE = {"GET": "retrieve", "POST": "update", "DELETE": "delete"}
_OF_ALL = {"GET": "list", "POST": "create"}


def _params(operation: Operation) -> type:
    """Return the SDK's type of an operation's parameters."""
    steps = operation.path.removeprefix("/v1/").split("/")
    package = ["checkout"] if steps[0] == "checkout" else []
    words = [step.removesuffix("s") for step in steps[len(package) :] if not step.startswith("{")]
    one = steps[-1].startswith("{") or words == ["balance"]
    verb = words.pop() if words[-1] in _ACTIONS else (_OF_ONE if one else _OF_ALL)[operation.method]
    name = "_".join([*words, verb, "params"])
    module = importlib.import_module(".".join(["stripe.params", *package, f"_{name}"]))
    found: type = getattr(module, "".join(part.capitalize() for part in name.split("_")))
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_sdk_knows_every_parameter_that_the_double_takes(operation: Operation) -> None:
    assert unknown_parameters(operation.shape, _params(operation), operation.name) == []


def _everything(double: StripeDouble, sdk: stripe.StripeClient) -> None:
    """Do something with every object."""
    customer = sdk.v1.customers.create({"email": "a@example.com"}).id
    line = {"price_data": {"currency": "usd", "unit_amount": 90_000, "product_data": {"name": "Deposit"}}}
    session = sdk.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer,
            "success_url": "https://cux.test/ok",
            "line_items": [{**line, "quantity": 1}],
        }
    )
    double.pay(session.url, "4000000000000002")
    double.pay(session.url, "4000002760003184")
    saved = sdk.v1.checkout.sessions.create(
        {"mode": "setup", "customer": customer, "success_url": "https://cux.test/ok"}
    )
    double.pay(saved.url, "4000000000000002")
    double.pay(saved.url)
    waiting = {"amount": 700, "currency": "usd", "payment_method": "pm_card_authenticationRequired"}
    sdk.v1.payment_intents.create({**waiting, "confirm": True, "return_url": "https://cux.test/back"})
    charges = []
    for ready in ("pm_card_pendingRefund", "pm_card_refundFail", "pm_card_createDispute"):
        card = {"amount": 5_000, "currency": "usd", "payment_method": ready, "confirm": True}
        charges.append(sdk.v1.payment_intents.create(card).id)
    double.deliver()
    refund = sdk.v1.refunds.create({"payment_intent": charges[0], "amount": 100})
    assert refund.status == "pending"
    sdk.v1.refunds.create({"payment_intent": charges[1]})
    dispute = sdk.v1.disputes.list().data[0].id
    sdk.v1.disputes.update(dispute, {"evidence": {"uncategorized_text": "winning_evidence"}})
    double.advance(3 * 86_400)
    account = sdk.v1.accounts.create({"type": "express", "capabilities": {"transfers": {"requested": True}}})
    link = sdk.v1.account_links.create(
        {
            "account": account.id,
            "type": "account_onboarding",
            "refresh_url": "https://cux.test/r",
            "return_url": "https://cux.test/b",
        }
    )
    double.onboard(link.url)
    transfer = sdk.v1.transfers.create({"amount": 2_000, "currency": "usd", "destination": account.id})
    sdk.v1.transfers.reversals.create(transfer.id, {"amount": 500})
    of_account = {"stripe_account": account.id}
    sdk.v1.payouts.create({"amount": 1_500, "currency": "usd"}, of_account)
    double.advance(3 * 86_400)


def test_the_sdk_knows_every_field_and_word_that_the_double_sends(
    double: StripeDouble, sdk: stripe.StripeClient
) -> None:
    _everything(double, sdk)
    state = double.state()
    items = [item for kind, found in state["objects"].items() for item in found if kind != "account_link"]
    items.append(sdk.v1.balance.retrieve().to_dict())
    account = state["objects"]["account"][0]["id"]
    items.append(sdk.v1.accounts.login_links.create(account).to_dict())
    link = {"account": account, "type": "account_update", "refresh_url": "r", "return_url": "b"}
    items.append(sdk.v1.account_links.create(link).to_dict())
    assert {item["object"] for item in items} == set(OBJECTS)
    assert sorted({line for item in items for line in differences(item)}) == []


def test_a_drift_is_found() -> None:
    refund = {"object": "refund", "id": "re_1", "amount": "5", "created": 1, "reason": "bored", "colour": 1}
    found = [line.partition(":")[0] for line in differences(refund)]
    assert sorted(found) == ["refund.amount", "refund.colour", "refund.currency", "refund.reason"]
    drifting = Operation("POST", "/v1/refunds", lambda call: {}, {"amount": int, "payment_method_types": str})
    assert unknown_parameters(drifting.shape, _params(drifting), "refund") == ["refund[payment_method_types]"]
