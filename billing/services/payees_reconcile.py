"""Ask again about accounts at Stripe that nothing was heard of: what they became may never have arrived.

Stripe lists the events of its own account only, so an event of a connected account that was not delivered is
found by nobody else.
"""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from billing import stripe_gateway as gateway
from billing.models import Payee
from billing.services.payee_onboard import payee_apply
from billing.services.while_available import while_available
from core.turn import turn

UNPAID_EVERY: Final = timedelta(hours=1)
"""How often those are asked about to whom nothing can be paid out, or of whom Stripe wants something."""
PAID_EVERY: Final = timedelta(days=1)
"""How often all others are: that one was stopped is known a day later at most."""
_BATCH: Final = 50
_PATIENCE_MS: Final = 1_000
_READY: Final = Q(details_submitted=True, payouts_enabled=True, transfers_active=True, requirements=[]) & (
    Q(failed_bank_fingerprint="") | ~Q(bank_fingerprint=F("failed_bank_fingerprint"))
)


def payees_reconcile(*, now: datetime) -> int:
    """This function will read the accounts that were not heard of for a while, the longest first, and note
    what they are now; return how many it read. No transaction may be open: Stripe is asked.
    """
    known = Payee.objects.filter(stripe_account_id__isnull=False).annotate(
        looked_at=Coalesce(Greatest("read_at", "asked_at"), "created_at")  # GREATEST passes over NULL
    )
    due = known.filter(Q(looked_at__lte=now - PAID_EVERY) | Q(looked_at__lte=now - UNPAID_EVERY) & ~_READY)
    ids = list(due.order_by("looked_at").values_list("id", flat=True)[:_BATCH])
    return while_available(ids, lambda row: _read(row, now), name="payees")


def _read(payee_id: uuid.UUID, now: datetime) -> bool:
    """Read one account in turn with its events, so that what was read first is applied first."""
    payees = Payee.objects.filter(id=payee_id)
    payees.update(asked_at=now)  # first: one that Stripe refuses to show does not stand before the others
    account_id = payees.values_list("stripe_account_id", flat=True).get()
    assert account_id is not None, "it was looked for"
    with turn(f"stripe:{account_id}", patience_ms=_PATIENCE_MS) as ours:
        if ours:
            payee_apply(payee_id=payee_id, account=gateway.account_get(account_id), now=now)
        return ours
