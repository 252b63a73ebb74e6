"""Money by card. Reading needs the scope `read`, refunds `withdraw`, the rest `trade`. Amounts are nano-USD.

What moves money goes out under an idempotency key, the caller's or a fresh one, which stays the same when
the client repeats it.
"""

from cux.client.call import Call, get, segment, write
from cux.client.views import Page
from cux.wire.payments import (
    AutoTopUpRules,
    AutoTopUpView,
    DepositView,
    NewDeposit,
    NewPaymentMethod,
    NewRefund,
    PaymentMethodView,
    RefundPreview,
    RefundView,
    SetupView,
)


def deposit_create(
    amount_nano_usd: int,
    *,
    payment_method: str | None = None,
    return_url: str | None = None,
    save_card: bool = False,
    idempotency_key: str | None = None,
) -> Call[DepositView]:
    """Pay in by a saved card, or return the page to pay on as `checkout_url`.

    A declined card raises InsufficientFundsError with the bank's words.
    """
    body = NewDeposit(
        amount_nano_usd=amount_nano_usd,
        payment_method=payment_method,
        return_url=return_url,
        save_card=save_card,
    )
    return write("POST", "/v1/deposits", DepositView, body=body, idempotency_key=idempotency_key)


def deposit_get(deposit_id: str) -> Call[DepositView]:
    """Return one deposit."""
    return get(f"/v1/deposits/{segment(deposit_id)}", DepositView)


def deposit_list(*, page_size: int = 50) -> Call[Page[DepositView]]:
    """Iterate over the deposits by card, newest first; pages are fetched as they are needed."""
    return get("/v1/deposits", Page[DepositView], limit=page_size)


def refund_preview(amount_nano_usd: int | None = None) -> Call[RefundPreview]:
    """Return what a refund of an amount, or of all that is unspent, would come to now."""
    return get("/v1/refunds/preview", RefundPreview, amount_nano_usd=amount_nano_usd)


def refund_create(
    amount_nano_usd: int | None = None, *, idempotency_key: str | None = None
) -> Call[Page[RefundView]]:
    """Refund an amount, or all that is unspent, to the cards that paid it: one refund per deposit."""
    body = NewRefund(amount_nano_usd=amount_nano_usd)
    return write("POST", "/v1/refunds", Page[RefundView], body=body, idempotency_key=idempotency_key)


def refund_get(refund_id: str) -> Call[RefundView]:
    """Return one refund."""
    return get(f"/v1/refunds/{segment(refund_id)}", RefundView)


def refund_list(*, page_size: int = 50) -> Call[Page[RefundView]]:
    """Iterate over the refunds, newest first; pages are fetched as they are needed."""
    return get("/v1/refunds", Page[RefundView], limit=page_size)


def payment_method_list() -> Call[Page[PaymentMethodView]]:
    """Return the saved cards, newest first."""
    return get("/v1/payment-methods", Page[PaymentMethodView])


def payment_method_setup(*, return_url: str | None = None) -> Call[SetupView]:
    """Return a page to save a card on, without paying."""
    body = NewPaymentMethod(return_url=return_url)
    return write("POST", "/v1/payment-methods", SetupView, body=body, idempotency_key=None)


def payment_method_default(payment_method: str) -> Call[PaymentMethodView]:
    """Have a saved card be the first choice."""
    path = f"/v1/payment-methods/{segment(payment_method)}/default"
    return write("PUT", path, PaymentMethodView, idempotency_key=None)


def payment_method_forget(payment_method: str) -> Call[PaymentMethodView]:
    """Forget a saved card for good; top-ups by it end."""
    path = f"/v1/payment-methods/{segment(payment_method)}"
    return write("DELETE", path, PaymentMethodView, idempotency_key=None)


def auto_top_up_get() -> Call[AutoTopUpView]:
    """Return the automatic top-up. Raises NotFoundError before the first was set."""
    return get("/v1/auto-top-up", AutoTopUpView)


def auto_top_up_set(
    payment_method: str, *, threshold_nano_usd: int, amount_nano_usd: int, monthly_cap_nano_usd: int
) -> Call[AutoTopUpView]:
    """Pay in by a saved card whenever less than a threshold can be spent, up to a cap each month (UTC)."""
    rules = AutoTopUpRules(
        threshold_nano_usd=threshold_nano_usd,
        amount_nano_usd=amount_nano_usd,
        monthly_cap_nano_usd=monthly_cap_nano_usd,
        payment_method=payment_method,
    )
    return write("PUT", "/v1/auto-top-up", AutoTopUpView, body=rules, idempotency_key=None)


def auto_top_up_end() -> Call[AutoTopUpView]:
    """Switch the automatic top-up off."""
    return write("DELETE", "/v1/auto-top-up", AutoTopUpView, idempotency_key=None)
