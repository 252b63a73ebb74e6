"""What is paid out, and what disputes took. Reading needs the scope `read`, the rest `withdraw`."""

from cux.client.call import Call, get, segment, write
from cux.client.views import Page
from cux.wire.payouts import (
    DisputeView,
    NewPayee,
    NewPayout,
    OnboardingView,
    PayeeView,
    PayoutView,
    ReconciliationView,
)


def payee_get() -> Call[PayeeView]:
    """Return to whom earnings are paid out. Raises NotFoundError before anybody was named."""
    return get("/v1/payee", PayeeView)


def payee_onboard(
    *,
    code: str | None = None,
    country: str = "US",
    return_url: str | None = None,
    idempotency_key: str | None = None,
) -> Call[OnboardingView]:
    """Return the page on which to say who is paid and to which bank, or to change it.

    `code` is a fresh one of an owner's authenticator, `country` ISO 3166-1.
    """
    body = NewPayee(country=country, return_url=return_url)
    return write(
        "POST", "/v1/payee", OnboardingView, body=body, idempotency_key=idempotency_key, one_time_code=code
    )


def payout_create(
    amount_nano_usd: int | None = None, *, code: str | None = None, idempotency_key: str | None = None
) -> Call[PayoutView]:
    """Pay out an amount of whole cents, or all that is payable, now.

    `code` is a fresh one of an owner's authenticator.
    """
    body = NewPayout(amount_nano_usd=amount_nano_usd)
    return write(
        "POST", "/v1/payouts", PayoutView, body=body, idempotency_key=idempotency_key, one_time_code=code
    )


def payout_get(payout_id: str) -> Call[PayoutView]:
    """Return one payout."""
    return get(f"/v1/payouts/{segment(payout_id)}", PayoutView)


def payout_list(*, page_size: int = 50) -> Call[Page[PayoutView]]:
    """Iterate over the payouts, newest first; pages are fetched as they are needed."""
    return get("/v1/payouts", Page[PayoutView], limit=page_size)


def dispute_list(*, page_size: int = 50) -> Call[Page[DisputeView]]:
    """Iterate over the disputes of payments by card, newest first; pages are fetched as they are needed."""
    return get("/v1/disputes", Page[DisputeView], limit=page_size)


def reconciliation_list() -> Call[Page[ReconciliationView]]:
    """Return the latest 200 comparisons with Stripe's books, newest first. Needs the scope `operate`."""
    return get("/v1/operator/reconciliations", Page[ReconciliationView])
