"""What is on paper about money: whom it is made out to, as client and server parse it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from cux.wire.fields import Instant

Line = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\Z")]


class BillingProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom tax documents are made out to. `country` is ISO 3166-1, such as `DE`.

    With a `vat_id`, which has to look as that country's do, the buyer counts as a business.
    """

    legal_name: Line
    address_lines: Annotated[list[Line], Meta(min_length=1, max_length=6)]
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
    email: Email
    vat_id: Annotated[str, Meta(max_length=32, pattern=r"^[^\x00]*\Z")] = ""


class BillingProfileView(BillingProfile, frozen=True, kw_only=True):
    """The profile as it is kept: the VAT id without separators."""

    updated_at: Instant
