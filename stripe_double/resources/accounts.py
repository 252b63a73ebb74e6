"""Connected accounts (Express), their links to the onboarding page, and their bank accounts."""

from typing import Any

from stripe_double.call import Call, Operation
from stripe_double.cards import fingerprint
from stripe_double.errors import invalid
from stripe_double.events import emit
from stripe_double.listing import page
from stripe_double.params import (
    PAGE,
    TURN,
    Required,
    Shape,
    boolean,
    currency,
    full,
    hashed,
    integer,
    metadata,
    one_of,
    text,
)
from stripe_double.resources.account_shapes import NEEDED, new_account, requirements
from stripe_double.resources.common import update_metadata
from stripe_double.world import Json, World

_LINK_S = 300
_PLAIN = ("email", "business_type")


def _create(call: Call) -> Json:
    params = call.params
    dashboard = params.get("controller", {}).get("stripe_dashboard", {}).get("type")
    if params.get("type") != "express" and dashboard != "express":
        raise invalid("This double makes Express accounts: give type=express or their controller.", "type")
    account = new_account(call.world, params.get("country", "US"), params.get("capabilities", {}))
    _apply(call, account)
    call.world.add(account)
    return account


def _apply(call: Call, account: Json) -> None:
    account |= {name: call.params[name] for name in _PLAIN if name in call.params}
    account["business_profile"] |= call.params.get("business_profile", {})
    schedule = call.params.get("settings", {}).get("payouts", {}).get("schedule", {})
    account["settings"]["payouts"]["schedule"] |= schedule
    for name, wanted in call.params.get("capabilities", {}).items():
        active = "active" if account["details_submitted"] else "inactive"
        account["capabilities"][name] = active if wanted["requested"] else "inactive"
    update_metadata(account, call.params)


def _update(call: Call) -> Json:
    account = _account(call)
    _apply(call, account)
    emit(call.world, "account.updated", account, call.id)
    return account


def _account(call: Call) -> Json:
    account = call.world.get("account", call.id)
    if account.get("deleted"):
        raise invalid(f"The account {call.id} was deleted.", "id", "account_invalid")
    return account


def _delete(call: Call) -> Json:
    gone = {"id": call.id, "object": "account", "deleted": True}
    _account(call)
    call.world.objects[call.id] = gone | {"payouts_enabled": False, "capabilities": {}}
    return gone


def _list(call: Call) -> Json:
    living = (item for item in call.world.all("account") if not item.get("deleted"))
    return page(call, living, "/v1/accounts")


def onboard(world: World, account: Json, given: dict[str, str]) -> None:
    """Take what a person entered on the onboarding page: the account may then receive and pay out money."""
    number = given["account_number"]
    for old in account["external_accounts"]["data"]:
        world.objects[old["id"]]["deleted"] = True
    bank: Json = {
        "id": world.new_id("ba"),
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": given["name"],
        "account_holder_type": "individual",
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": "US",
        "currency": "usd",
        "default_for_currency": True,
        "fingerprint": fingerprint(f"bank {given['routing_number']} {number}"),
        "last4": number[-4:],
        "metadata": {},
        "routing_number": given["routing_number"],
        "status": "new",
    }
    world.add(bank, account["id"], number=number)
    before = {name: account[name] for name in ("charges_enabled", "details_submitted", "payouts_enabled")}
    account["external_accounts"] |= {"data": [bank], "total_count": 1}
    account["business_profile"]["name"] = account["business_profile"]["name"] or given["name"]
    account["business_profile"]["support_address"] = {
        name: given.get(name) or None
        for name in ("city", "country", "line1", "line2", "postal_code", "state")
    }
    account["details_submitted"] = True
    require(world, account, [], before)
    emit(world, "account.external_account.created", bank, account["id"])


def require(world: World, account: Json, needed: list[str], before: Json | None = None) -> None:
    """Have an account's requirements be these: any stops payments and payouts, none allows them."""
    account["requirements"] = requirements(needed)
    account |= {"charges_enabled": not needed, "payouts_enabled": not needed}
    for name in account["capabilities"]:
        account["capabilities"][name] = "inactive" if needed else "active"
    emit(world, "account.updated", account, account["id"], before or {})


def _link(call: Call) -> Json:
    account = call.world.get("account", call.params["account"], param="account", status=400)
    if call.params["type"] == "account_update" and not account["details_submitted"]:
        raise invalid("You cannot create an account_update link before onboarding is complete.", "type")
    token = call.world.new_id("link")
    now = call.world.second()
    link = {"id": token, "object": "account_link", "created": now, "expires_at": now + _LINK_S}
    addresses = {name: call.params.get(name) for name in ("refresh_url", "return_url")}
    call.world.add(link, used=False, owner=account["id"], **addresses)
    url = f"{call.base_url}/setup/e/{account['id']}/{token}"
    return {name: link[name] for name in ("object", "created", "expires_at")} | {"url": url}


def _login(call: Call) -> Json:
    account = _account(call)
    if not account["details_submitted"]:
        message = "Cannot create a login link for an account that has not completed onboarding."
        raise invalid(message)
    url = f"{call.base_url}/express/{account['id']}"
    return {"object": "login_link", "created": call.world.second(), "url": url}


def _banks(call: Call) -> Json:
    _account(call)
    living = (item for item in call.world.all("bank_account", call.id) if not item.get("deleted"))
    return page(call, living, f"/v1/accounts/{call.id}/external_accounts")


def _retrieve(call: Call) -> Json:
    return _account(call)


_CAPABILITY = hashed({"requested": Required(boolean)})
_SCHEDULE = hashed({"interval": one_of("manual", "daily"), "delay_days": integer})
_UPDATE: Shape = {
    "email": text,
    "business_type": one_of("individual", "company"),
    "business_profile": hashed(dict.fromkeys(("name", "url", "mcc", "product_description"), text)),
    "capabilities": hashed({"transfers": _CAPABILITY, "card_payments": _CAPABILITY}),
    "metadata": metadata,
    "settings": hashed({"payouts": hashed({"schedule": _SCHEDULE})}),
}
_WORD: dict[str, Any] = {
    "fees": hashed({"payer": one_of("application", "account")}),
    "losses": hashed({"payments": one_of("application", "stripe")}),
    "requirement_collection": one_of("stripe"),
    "stripe_dashboard": hashed({"type": one_of("express")}),
}
_CREATE: Shape = _UPDATE | {
    "type": one_of("express"),
    "country": full,
    "default_currency": currency,
    "controller": hashed(_WORD),
}
_LINK: Shape = {
    "account": Required(full),
    "type": Required(one_of("account_onboarding", "account_update")),
    "refresh_url": Required(full),
    "return_url": Required(full),
    "collection_options": hashed({"fields": one_of("currently_due", "eventually_due")}),
}
OPERATIONS = [
    Operation("POST", "/v1/accounts", _create, _CREATE),
    Operation("GET", "/v1/accounts", _list, PAGE),
    Operation("GET", "/v1/accounts/{id}", _retrieve, {}),
    Operation("POST", "/v1/accounts/{id}", _update, _UPDATE),
    Operation("DELETE", "/v1/accounts/{id}", _delete, {}),
    Operation(
        "GET", "/v1/accounts/{id}/external_accounts", _banks, TURN | {"object": one_of("bank_account")}
    ),
    Operation("POST", "/v1/accounts/{id}/login_links", _login, {}),
    Operation("POST", "/v1/account_links", _link, _LINK),
]
__all__ = ["NEEDED", "OPERATIONS", "onboard", "require"]
