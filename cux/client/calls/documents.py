"""What is on paper about the organisation's money. Reading needs the scope `read`, the rest `trade`."""

from collections.abc import Sequence

from cux.client.call import Call, get, write
from cux.wire.documents import BillingProfile, BillingProfileView


def billing_profile_get() -> Call[BillingProfileView]:
    """Return whom tax documents are made out to. Raises NotFoundError before the first was set."""
    return get("/v1/billing-profile", BillingProfileView)


def billing_profile_set(
    legal_name: str, address_lines: Sequence[str], country: str, email: str, *, vat_id: str = ""
) -> Call[BillingProfileView]:
    """Replace whom tax documents are made out to; those already issued stay as they are.

    `country` is ISO 3166-1, such as `DE`. With a VAT id the organisation counts as a business.
    """
    profile = BillingProfile(
        legal_name=legal_name, address_lines=list(address_lines), country=country, email=email, vat_id=vat_id
    )
    return write("PUT", "/v1/billing-profile", BillingProfileView, body=profile, idempotency_key=None)
