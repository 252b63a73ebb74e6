"""What every request meets: keys, unknown objects and parameters, lists, expansions."""

import httpx
import pytest
import stripe


def test_without_a_test_key_there_is_nothing(double):
    for key in ("", "Bearer sk_live_1", "Basic abc"):
        answer = httpx.get(f"{double.url}/v1/customers", headers={"Authorization": key})
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")
    wrong = stripe.StripeClient("sk_live_1234", base_addresses={"api": double.url})
    with pytest.raises(stripe.AuthenticationError):
        wrong.v1.customers.list()


def test_an_unknown_address_is_no_operation(double):
    answer = httpx.get(f"{double.url}/v1/subscriptions", headers={"Authorization": "Bearer sk_test_1"})
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "Unrecognized request URL (GET: /v1/subscriptions)."


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 500, "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": 500, "currency": "usd", "automatic_payment_methods": {"enabld": True}},
            "parameter_unknown",
            "automatic_payment_methods[enabld]",
        ),
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": "five", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 500, "currency": "eur"}, None, "currency"),
        ({"amount": 500, "currency": "usd", "customer": "cus_none"}, "resource_missing", "customer"),
        ({"amount": 500, "currency": "usd", "customer": ""}, "parameter_invalid_empty", "customer"),
    ],
)
def test_wrong_parameters_are_named(sdk, params, code, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.payment_intents.create(params)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert sdk.v1.payment_intents.list().data == []


def test_an_unknown_object_is_missing(sdk):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.customers.retrieve("cus_none")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_an_unknown_account_is_refused(sdk):
    with pytest.raises(stripe.PermissionError) as refused:
        sdk.v1.payouts.list(options={"stripe_account": "acct_none"})
    assert refused.value.error.code == "account_invalid"


def test_lists_have_pages_from_the_newest_on(double, sdk):
    made = [sdk.v1.customers.create({"name": str(number)}).id for number in range(5)]
    first = sdk.v1.customers.list({"limit": 2})
    assert ([item.id for item in first.data], first.has_more) == ([made[4], made[3]], True)
    rest = sdk.v1.customers.list({"limit": 3, "starting_after": made[3]})
    assert ([item.id for item in rest.data], rest.has_more) == (made[2::-1], False)
    before = sdk.v1.customers.list({"limit": 1, "ending_before": made[2]})
    assert [item.id for item in before.data] == [made[3]]
    assert [item.id for item in sdk.v1.customers.list({"limit": 2}).auto_paging_iter()] == made[::-1]


def test_lists_can_be_cut_by_time(double, sdk):
    old = sdk.v1.customers.create({})
    double.advance(100)
    new = sdk.v1.customers.create({})
    assert [item.id for item in sdk.v1.customers.list({"created": {"gt": old.created}}).data] == [new.id]
    assert [item.id for item in sdk.v1.customers.list({"created": {"lt": new.created}}).data] == [old.id]
    assert [item.id for item in sdk.v1.customers.list({"created": old.created}).data] == [old.id]


def test_expansion_goes_deep_and_no_further_than_there_is_something(sdk):
    pay = {"amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    deep = {"expand": ["latest_charge.balance_transaction", "payment_method"]}
    intent = sdk.v1.payment_intents.create({**pay, **deep})
    assert (intent.latest_charge.balance_transaction.fee, intent.payment_method.card.last4) == (59, "4242")
    listed = sdk.v1.payment_intents.list({"expand": ["data.latest_charge"]})
    assert listed.data[0].latest_charge.amount == 1_000
    with pytest.raises(stripe.InvalidRequestError, match=r"cannot be expanded \(colour\)"):
        sdk.v1.payment_intents.retrieve(intent.id, {"expand": ["colour"]})


def test_metadata_is_merged_and_unset(sdk):
    customer = sdk.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    assert sdk.v1.customers.update(customer.id, {"metadata": {"b": "", "c": "3"}}).metadata.to_dict() == {
        "a": "1",
        "c": "3",
    }
    assert sdk.v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


def test_a_seed_makes_the_same_ids(double, sdk):
    made = []
    for seed in (1, 1, 2):
        double.reset(seed=seed)
        made.append(sdk.v1.customers.create({}).id)
    assert made[0] == made[1] != made[2]
