"""What the installed SDK knows of Stripe's objects and parameters: Stripe generates it from its own."""

import re
import sys
from types import NoneType
from typing import Any, ClassVar, Literal, get_args, get_origin

import stripe

from stripe_double.params import Array, Hash, Required

OBJECTS: dict[str, type] = {
    "account": stripe.Account,
    "account_link": stripe.AccountLink,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "bank_account": stripe.BankAccount,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "login_link": stripe.LoginLink,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "payout": stripe.Payout,
    "refund": stripe.Refund,
    "setup_intent": stripe.SetupIntent,
    "transfer": stripe.Transfer,
    "transfer_reversal": stripe.TransferReversal,
}


def differences(item: dict[str, Any]) -> list[str]:
    """Return where an object differs from what the SDK types: fields unknown, missing, of a wrong type."""
    return _differences(OBJECTS[item["object"]], item, item["object"])


def _differences(known: type, item: dict[str, Any], where: str) -> list[str]:
    hints = {name: hint for name, hint in known.__annotations__.items() if get_origin(hint) is not ClassVar}
    found = [f"{where}.{name}: unknown" for name in sorted(set(item) - set(hints))]
    needed = {name for name, hint in hints.items() if NoneType not in get_args(hint)}
    found += [f"{where}.{name}: missing" for name in sorted(needed - set(item))]
    inner = getattr(known, "_inner_class_types", {})
    for name in set(item) & set(hints):
        found += _value(hints[name], inner.get(name), item[name], f"{where}.{name}")
    return found


def _value(hint: Any, inner: type | None, value: Any, where: str) -> list[str]:
    if isinstance(value, list):
        return [line for entry in value for line in _value(Any, inner, entry, where)]
    if isinstance(value, dict):
        if str(value.get("object")) in OBJECTS:
            return differences(value)
        return _differences(inner, value, where) if inner and value else []
    if value is None:
        return [] if NoneType in get_args(hint) or hint is Any else [f"{where}: null"]
    words = set(_words(hint))
    if isinstance(value, str) and words and value not in words:
        return [f"{where}: {value!r} is none of {sorted(words)}"]
    plain = {kind for kind in (int, str, bool, float) if kind is hint or kind in get_args(hint)}
    return [f"{where}: {value!r} is no {plain}"] if plain and type(value) not in plain else []


def _words(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [word for part in get_args(hint) for word in _words(part)]


def unknown_parameters(shape: dict[str, Any], known: type, where: str) -> list[str]:
    """Return the parameters of a shape that the SDK's parameters do not have."""
    found = []
    for name, kind in shape.items():
        hint = known.__annotations__.get(name)
        if hint is None:
            found.append(f"{where}[{name}]")
            continue
        read = kind.read if isinstance(kind, Required) else kind
        while isinstance(read, Array):
            read = read.item
        if isinstance(read, Hash):
            named = re.findall(r"\b\w+Params\w+", str(hint))
            inner = getattr(sys.modules[known.__module__], named[0])
            found += unknown_parameters(read.shape, inner, f"{where}[{name}]")
    return found
