"""Whom earnings are paid out to: an Express account at Stripe, made once, told about on Stripe's own page."""

import uuid
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from billing import stripe_gateway as gateway
from billing.models import Payee
from billing.rules.address import address_sha256
from billing.services.event_types import Apply, Occasion
from core.audit import Action, audit_note


def payee_onboard(
    *,
    organisation_id: uuid.UUID,
    country: str,
    return_url: str,
    refresh_url: str,
    link_key: str,
    now: datetime,
) -> tuple[Payee, str]:
    """This function will make the organisation's payee, once, and return it with the address (usable once,
    for minutes) at which its owner tells Stripe about themselves and their bank, or changes it.

    No transaction may be open: Stripe is asked.

    Raises:
        Unavailable, Refused, Misconfigured: Stripe did not do it; it may be asked again.
    """
    Payee.objects.bulk_create(
        [Payee(organisation_id=organisation_id, country=country)], ignore_conflicts=True
    )
    payee = Payee.objects.get(organisation_id=organisation_id)
    account_id = payee.stripe_account_id or _account_make(payee, now)
    url = gateway.account_link_create(
        account_id, key=link_key, return_url=return_url, refresh_url=refresh_url
    )
    with transaction.atomic():
        audit_note(Action.PAYEE_LINKED, f"payee:{payee.id}", organisation_id=organisation_id)
    return Payee.objects.get(id=payee.id), url


def _account_make(payee: Payee, now: datetime) -> str:
    try:
        account = gateway.account_create(
            key=f"payee:{payee.id}:account:{payee.attempt}",
            country=payee.country,
            email=None,
            metadata={"payee_id": str(payee.id)},
        )
    except gateway.Unavailable as unavailable:
        if unavailable.is_kept:  # an account that may have been made is left empty
            Payee.objects.filter(id=payee.id, attempt=payee.attempt).update(attempt=payee.attempt + 1)
        raise
    Payee.objects.filter(id=payee.id, stripe_account_id__isnull=True).update(stripe_account_id=account.id)
    payee_apply(payee_id=payee.id, account=account, now=now)
    return Payee.objects.values_list("stripe_account_id", flat=True).get(id=payee.id) or account.id


def payee_refresh(*, organisation_id: uuid.UUID, now: datetime) -> Payee:
    """This function will read a payee's account again and return the payee as it then is.

    Raises:
        Payee.DoesNotExist: it has none.
        Unavailable, Refused, Misconfigured: Stripe did not say.
    """
    payee = Payee.objects.get(organisation_id=organisation_id)
    if payee.stripe_account_id is not None:
        payee_apply(payee_id=payee.id, account=gateway.account_get(payee.stripe_account_id), now=now)
    return Payee.objects.get(id=payee.id)


def payee_apply(*, payee_id: uuid.UUID, account: gateway.ConnectAccount, now: datetime) -> None:
    """This function will note what Stripe says of a payee's account now."""
    with transaction.atomic():
        payees = Payee.objects.filter(id=payee_id, stripe_account_id=account.id)
        before = payees.select_for_update(no_key=True).first()
        if before is not None:
            _audit(before, account)
        payees.update(
            details_submitted=account.details_submitted,
            payouts_enabled=account.payouts_enabled,
            transfers_active=account.transfers_active,
            requirements=list(dict.fromkeys(account.requirements)),
            disabled_reason=account.disabled_reason,
            bank_fingerprint=account.bank_fingerprint,
            bank_last4=account.bank_last4,
            address_sha256=address_sha256(account.address),
            read_at=now,
        )


def _audit(before: Payee, account: gateway.ConnectAccount) -> None:
    """Write down a change of the bank account, or of what may be done with it."""
    watched = ("bank_fingerprint", "bank_last4", "payouts_enabled", "transfers_active")
    after = {name: getattr(account, name) for name in watched}
    if after != {name: getattr(before, name) for name in watched}:
        audit_note(
            Action.PAYEE_CHANGED, f"payee:{before.id}", organisation_id=before.organisation_id, **after
        )


def account_read(occasion: Occasion) -> Apply | None:
    """Return how to apply a connected account as it is now; None: it is no payee's."""
    return _of_account(occasion.account or occasion.object_id)


def bank_read(occasion: Occasion) -> Apply | None:
    """Return how to apply the account of a bank account that was added, changed or removed."""
    return _of_account(occasion.account)


def _of_account(account_id: str) -> Callable[[datetime], None] | None:
    payee_id = Payee.objects.filter(stripe_account_id=account_id).values_list("id", flat=True).first()
    if payee_id is None:
        return None
    account = gateway.account_get(account_id)

    def apply(now: datetime) -> None:
        payee_apply(payee_id=payee_id, account=account, now=now)

    return apply
