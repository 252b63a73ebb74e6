"""The standing order to pay in by a saved card: set, switched off."""

import uuid
from datetime import datetime

from django.db import transaction

from billing.models import AutoTopUp
from billing.rules.limits import DEPOSIT_MAX_NANO_USD, require_cents, require_deposit
from billing.selectors.auto_top_up import auto_top_up_get
from billing.services.customer_ensure import customer_lock
from billing.services.payment_methods import payment_method_own
from core.errors import Code, CuxError
from cux.wire.payments import AutoTopUpRules, AutoTopUpView

_CAP_MAX_NANO_USD = 10 * DEPOSIT_MAX_NANO_USD


def auto_top_up_set(*, organisation_id: uuid.UUID, rules: AutoTopUpRules, now: datetime) -> AutoTopUpView:
    """This function will set the rules and switch them on; declines are forgotten. It asks Stripe first.

    Raises:
        CuxError: INVALID_FIELD; UNKNOWN_PAYMENT_METHOD, not a card of theirs; DEPENDENCY_UNAVAILABLE.
    """
    require_deposit(rules.amount_nano_usd)
    require_cents(rules.monthly_cap_nano_usd, param="monthly_cap_nano_usd")
    if not rules.amount_nano_usd <= rules.monthly_cap_nano_usd <= _CAP_MAX_NANO_USD:
        said = "The cap is at least one top-up, and $100,000 at most."
        raise CuxError(Code.INVALID_FIELD, said, param="monthly_cap_nano_usd")
    if rules.threshold_nano_usd > DEPOSIT_MAX_NANO_USD:
        raise CuxError(Code.INVALID_FIELD, "The threshold is too high.", param="threshold_nano_usd")
    payment_method_own(organisation_id=organisation_id, payment_method_id=rules.payment_method)
    values = {
        "is_on": True,
        "off_reason": "",
        "declines": 0,
        "threshold_nano_usd": rules.threshold_nano_usd,
        "amount_nano_usd": rules.amount_nano_usd,
        "monthly_cap_nano_usd": rules.monthly_cap_nano_usd,
        "payment_method_id": rules.payment_method,
        "next_try_at": now,
        "updated_at": now,
    }
    with transaction.atomic():
        customer_lock(organisation_id)
        AutoTopUp.objects.update_or_create(organisation_id=organisation_id, defaults=values)
    return auto_top_up_get(organisation_id=organisation_id, now=now)


def auto_top_up_end(*, organisation_id: uuid.UUID, now: datetime) -> AutoTopUpView:
    """This function will switch the rules off; again: no effect.

    Raises:
        CuxError: NOT_FOUND, there are none.
    """
    rows = AutoTopUp.objects.filter(organisation_id=organisation_id, is_on=True)
    rows.update(is_on=False, off_reason=AutoTopUp.OffReason.OWNER, updated_at=now)
    return auto_top_up_get(organisation_id=organisation_id, now=now)
