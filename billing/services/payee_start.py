"""Whom to pay, as its owner asks and sees it."""

import uuid
from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.conf import settings

from billing.rules.urls import require_return_url
from billing.selectors.payout_views import payee_get, payee_view
from billing.services.payee_onboard import payee_onboard, payee_refresh
from billing.stripe_gateway import Refused
from core.errors import Code, CuxError
from cux.wire.payouts import NewPayee, OnboardingView, PayeeView

_FRESH: Final = timedelta(seconds=10)
"""How long what was read of an account that cannot be paid yet is believed."""


def payee_start(
    *, organisation_id: uuid.UUID, asked: NewPayee, key: str, hold_back: timedelta, now: datetime
) -> OnboardingView:
    """This function will make the organisation's payee, once, and return it with the page to go on at.

    The same `key` brings the same page. No transaction may be open: Stripe is asked.

    Raises:
        CuxError: INVALID_FIELD, Stripe pays nobody in that country, or no such address to return to;
            DEPENDENCY_UNAVAILABLE.
    """
    if asked.return_url is not None:
        require_return_url(asked.return_url)
    back = asked.return_url or f"{settings.EXCHANGE_URL}/provider"
    try:
        row, url = payee_onboard(
            organisation_id=organisation_id,
            country=asked.country,
            return_url=back,
            refresh_url=back,
            link_key=f"payee:{organisation_id}:link:{key}",
            now=now,
        )
    except Refused as refused:
        raise CuxError(Code.INVALID_FIELD, refused.message or None, param="country") from refused
    view = msgspec.structs.asdict(payee_view(row, hold_back=hold_back, now=now))
    return OnboardingView(**view, onboarding_url=url)


def payee_shown(*, organisation_id: uuid.UUID, hold_back: timedelta, now: datetime) -> PayeeView:
    """This function will return the organisation's payee, read anew at Stripe as long as it cannot be paid:
    its owner may just have been there.

    Raises:
        CuxError: NOT_FOUND; DEPENDENCY_UNAVAILABLE.
    """
    row = payee_get(organisation_id=organisation_id)
    if row.status != "active" and (row.read_at is None or now - row.read_at > _FRESH):
        row = payee_refresh(organisation_id=organisation_id, now=now)
    return payee_view(row, hold_back=hold_back, now=now)
