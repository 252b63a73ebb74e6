"""Saved cards. They are kept at Stripe alone; here each is checked to be the organisation's own."""

import uuid

from django.conf import settings

from billing import stripe_gateway as gateway
from billing.models import AutoTopUp, Customer
from billing.rules.urls import require_return_url
from billing.services.customer_ensure import customer_ensure
from core.errors import Code, CuxError
from core.ids import new_id
from cux.wire.payments import PaymentMethodView


def payment_method_list(*, organisation_id: uuid.UUID) -> list[PaymentMethodView]:
    """This function will return the organisation's saved cards, newest first.

    The default is the one that was chosen, else the newest. Raises as `stripe_gateway` does.
    """
    customer_id = _customer_id(organisation_id)
    if customer_id is None:
        return []
    methods = gateway.payment_methods_list(customer_id)
    ids = [method.id for method in methods]
    chosen = gateway.customer_get(customer_id).default_payment_method_id if methods else None
    default = chosen if chosen in ids else next(iter(ids), None)
    return [_view(method, is_default=method.id == default) for method in methods]


def payment_method_setup(*, organisation_id: uuid.UUID, return_url: str | None) -> str:
    """This function will return the address of a page of Stripe's to save a card on.

    Raises:
        CuxError: INVALID_FIELD for the address; DEPENDENCY_UNAVAILABLE.
    """
    if return_url is not None:
        require_return_url(return_url)
    back = return_url or settings.EXCHANGE_URL
    session = gateway.setup_open(
        key=f"setup:{new_id()}",  # a page too many harms nobody
        customer_id=customer_ensure(organisation_id),
        metadata={"organisation_id": str(organisation_id)},
        success_url=back,
        cancel_url=back,
    )
    return session.url


def payment_method_default(*, organisation_id: uuid.UUID, payment_method_id: str) -> PaymentMethodView:
    """This function will have a saved card be the organisation's first choice; again: no effect.

    Raises:
        CuxError: UNKNOWN_PAYMENT_METHOD, not a card of theirs; DEPENDENCY_UNAVAILABLE.
    """
    method, customer_id = payment_method_own(
        organisation_id=organisation_id, payment_method_id=payment_method_id
    )
    gateway.customer_set_default(customer_id, method.id)
    return _view(method, is_default=True)


def payment_method_forget(*, organisation_id: uuid.UUID, payment_method_id: str) -> PaymentMethodView:
    """This function will forget a saved card for good; top-ups by it are switched off first.

    Raises as `payment_method_default`.
    """
    method, _ = payment_method_own(organisation_id=organisation_id, payment_method_id=payment_method_id)
    standing = AutoTopUp.objects.filter(organisation_id=organisation_id, payment_method_id=method.id)
    standing.update(is_on=False, off_reason=AutoTopUp.OffReason.OWNER)
    try:
        gateway.payment_method_detach(method.id)
    except gateway.Refused:  # by somebody else at the same moment
        raise CuxError(Code.UNKNOWN_PAYMENT_METHOD) from None
    return _view(method, is_default=False)


def payment_method_own(
    *, organisation_id: uuid.UUID, payment_method_id: str
) -> tuple[gateway.PaymentMethod, str]:
    """This function will return a saved card and the customer whose it is.

    Raises:
        CuxError: UNKNOWN_PAYMENT_METHOD, it is not this organisation's; DEPENDENCY_UNAVAILABLE.
    """
    customer_id = _customer_id(organisation_id)
    if customer_id is None:
        raise CuxError(Code.UNKNOWN_PAYMENT_METHOD)
    try:
        method = gateway.payment_method_get(payment_method_id)
    except gateway.Refused:
        raise CuxError(Code.UNKNOWN_PAYMENT_METHOD) from None
    if method.customer_id != customer_id:
        raise CuxError(Code.UNKNOWN_PAYMENT_METHOD)
    return method, customer_id


def _customer_id(organisation_id: uuid.UUID) -> str | None:
    known = Customer.objects.filter(organisation_id=organisation_id)
    return known.values_list("stripe_id", flat=True).first()


def _view(method: gateway.PaymentMethod, *, is_default: bool) -> PaymentMethodView:
    return PaymentMethodView(
        payment_method=method.id,
        brand=method.brand,
        last4=method.last4,
        exp_month=method.exp_month,
        exp_year=method.exp_year,
        country=method.country,
        is_default=is_default,
    )
