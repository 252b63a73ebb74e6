"""How a card is charged: what intents of the API and the card page have in common."""

from typing import Any

from stripe_double.cards import Card, card_error, card_of
from stripe_double.errors import StripeError
from stripe_double.events import emit
from stripe_double.resources.charges import book, new_charge
from stripe_double.resources.payment_methods import attach, use_method
from stripe_double.world import Json, World

__all__ = ["FIELDS", "authenticated", "book_late", "confirm", "decline", "new_intent", "use_method"]
FIELDS = (
    "amount",
    "currency",
    "customer",
    "description",
    "metadata",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor_suffix",
    "transfer_group",
    "capture_method",
)


def new_intent(world: World, **given: Any) -> Json:
    """Return a new payment intent with these fields, which waits for a payment method."""
    identifier = world.new_id("pi")
    intent: Json = {
        "id": identifier,
        "object": "payment_intent",
        "amount": 0,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{identifier}_secret_{world.new_id('')[1:]}",
        "confirmation_method": "automatic",
        "created": world.second(),
        "currency": "usd",
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    intent |= {name: value for name, value in given.items() if value is not None}
    world.add(intent)
    emit(world, "payment_intent.created", intent)
    return intent


def confirm(
    world: World,
    intent: Json,
    *,
    off_session: bool,
    return_url: str | None,
    base_url: str,
    refuse_action: bool = False,
) -> None:
    """Charge the intent's payment method, or ask for authentication.

    Raises StripeError (402) for a decline; the intent then waits for another payment method.
    """
    method = world.objects[intent["payment_method"]]
    hidden = world.secrets[method["id"]]
    card = card_of(hidden["number"])
    if _must_authenticate(card, hidden["set_up"] and off_session):
        if off_session or refuse_action:
            raise decline(world, intent, method, ("authentication_required", "authentication_required"))
        intent["status"] = "requires_action"
        intent["next_action"] = next_action(base_url, intent["id"], return_url)
        world.secrets[intent["id"]]["return_url"] = return_url
        emit(world, "payment_intent.requires_action", intent)
        return
    if card.decline:
        raise decline(world, intent, method, card.decline)
    succeed(world, intent, method)


def _must_authenticate(card: Card, set_up: bool) -> bool:
    return card.authenticate == "always" or (card.authenticate == "until_set_up" and not set_up)


def next_action(base_url: str, intent: str, return_url: str | None) -> Json:
    """Return where a person authenticates a payment or the saving of a card."""
    url = f"{base_url}/authenticate/{intent}"
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}


def authenticated(world: World, intent: Json, agreed: bool) -> None:
    """Go on after the authentication: charge the card, or fail. Raises StripeError for a decline."""
    method = world.objects[intent["payment_method"]]
    intent["next_action"] = None
    if not agreed:
        raise decline(world, intent, method, ("payment_intent_authentication_failure", None))
    card = card_of(world.secrets[method["id"]]["number"])
    if card.decline:
        raise decline(world, intent, method, card.decline)
    succeed(world, intent, method)


def succeed(world: World, intent: Json, method: Json) -> None:
    """Charge the card: money, events, the card saved if that was asked."""
    charge = new_charge(world, intent, method, None)
    late_s = world.settings.get("late_balance_transaction_s", 0)
    if late_s and intent["capture_method"] == "automatic_async":
        world.after(late_s, "book_late", charge=charge["id"])
    else:
        book(world, charge["id"])
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "last_payment_error": None,
        "next_action": None,
    }
    world.secrets[method["id"]]["used"] = method["customer"] is None
    if intent["setup_future_usage"] and intent["customer"]:
        world.secrets[method["id"]] |= {"used": False, "set_up": True}
        attach(world, method, intent["customer"])
    emit(world, "charge.succeeded", charge)
    emit(world, "payment_intent.succeeded", intent)
    if reason := card_of(world.secrets[method["id"]]["number"]).dispute:
        world.after(world.settings.get("dispute_after_s", 0), "dispute", charge=charge["id"], reason=reason)


def book_late(world: World, charge: str) -> None:
    """Book a charge later than its answer, as asynchronous capture may (a job)."""
    book(world, charge)
    emit(world, "charge.updated", world.objects[charge], before={"balance_transaction": None})


def decline(world: World, intent: Json, method: Json, why: tuple[str, str | None]) -> StripeError:
    """Record a failed attempt; return the error to raise."""
    error = card_error(*why)
    charge = new_charge(world, intent, method, error.error)
    error.error |= {"charge": charge["id"], "payment_method": dict(method)}
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "latest_charge": charge["id"],
        "last_payment_error": dict(error.error),
        "next_action": None,
    }
    emit(world, "charge.failed", charge)
    emit(world, "payment_intent.payment_failed", intent)
    error.error["payment_intent"] = dict(intent)
    return error
