"""Stripe's own pages: to pay by card, and to save a card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.stripe_gateway.client import options, v1
from billing.stripe_gateway.failures import asking
from billing.stripe_gateway.fields import Fields, id_of, metadata_of


@dataclass(frozen=True, slots=True)
class CheckoutLine:
    """What a page of Stripe's asks money for."""

    name: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A page of Stripe's. `status` is `open`, `complete` or `expired`; an open one has a `url`."""

    id: str
    status: str
    payment_status: str
    url: str
    customer_id: str | None
    payment_id: str | None
    setup_id: str | None
    metadata: Mapping[str, str]


def checkout_open(
    *,
    key: str,
    customer_id: str,
    lines: Sequence[CheckoutLine],
    description: str,
    metadata: Mapping[str, str],
    success_url: str,
    cancel_url: str,
    expires_at: datetime,
    save_card: bool,
) -> CheckoutSession:
    """Open a page to pay `lines` by card. Raises as `asking`."""
    payment = {"metadata": dict(metadata), "description": description, "capture_method": "automatic"}
    params = {
        "mode": "payment",
        "customer": customer_id,
        "allowed_payment_method_types": ["card"],
        "line_items": [_line(line) for line in lines],
        "payment_intent_data": payment | ({"setup_future_usage": "off_session"} if save_card else {}),
        "metadata": dict(metadata),
        "success_url": success_url,
        "cancel_url": cancel_url,
        "expires_at": int(expires_at.timestamp()),
    }
    return _session(asking(lambda: v1().checkout.sessions.create(params, options(key))).to_dict())


def setup_open(
    *, key: str, customer_id: str, metadata: Mapping[str, str], success_url: str, cancel_url: str
) -> CheckoutSession:
    """Open a page to save a card without paying. Raises as `asking`."""
    params = {
        "mode": "setup",
        "currency": "usd",
        "customer": customer_id,
        "allowed_payment_method_types": ["card"],
        "setup_intent_data": {"metadata": dict(metadata)},
        "metadata": dict(metadata),
        "success_url": success_url,
        "cancel_url": cancel_url,
    }
    return _session(asking(lambda: v1().checkout.sessions.create(params, options(key))).to_dict())


def checkout_get(session_id: str) -> CheckoutSession:
    """Return a page as it is now. Raises as `asking`."""
    return _session(asking(lambda: v1().checkout.sessions.retrieve(session_id)).to_dict())


def checkout_expire(session_id: str, *, key: str) -> CheckoutSession:
    """Close a page that nobody has paid on. Raises as `asking`."""
    return _session(asking(lambda: v1().checkout.sessions.expire(session_id, {}, options(key))).to_dict())


def _line(line: CheckoutLine) -> dict[str, object]:
    price = {"currency": "usd", "unit_amount": line.amount_cents, "product_data": {"name": line.name}}
    return {"quantity": 1, "price_data": price}


def _session(fields: Fields) -> CheckoutSession:
    return CheckoutSession(
        id=fields["id"],
        status=fields["status"],
        payment_status=fields.get("payment_status") or "",
        url=fields.get("url") or "",
        customer_id=id_of(fields.get("customer")),
        payment_id=id_of(fields.get("payment_intent")),
        setup_id=id_of(fields.get("setup_intent")),
        metadata=metadata_of(fields),
    )
