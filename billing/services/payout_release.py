"""Let a blocked payout go: one operator asks, another approves."""

import uuid
from datetime import datetime

from django.db import transaction

from billing.models import Payout
from billing.selectors.debts import debt_of
from billing.services.payout_decide import payout_amount, payout_audit, payout_start
from core.audit import Action
from core.errors import Code, CuxError


@transaction.atomic
def payout_release_request(*, payout_id: uuid.UUID, requested_by: str, reason: str, now: datetime) -> Payout:
    """This function will note that an operator wants a blocked payout released; it happens when another
    approves. Whoever asks last is the one who asks: what was proposed before may have lapsed.

    Raises:
        CuxError: NOT_FOUND; PAYOUT_NOT_BLOCKED.
    """
    payout = _locked(payout_id)
    if payout.state != Payout.State.BLOCKED:
        raise CuxError(Code.PAYOUT_NOT_BLOCKED)
    payout.release_requested_by, payout.release_reason = requested_by, reason
    payout.save(update_fields=["release_requested_by", "release_reason"])
    payout_audit(Action.RELEASE_REQUESTED, payout, actor=requested_by, reason=reason)
    return payout


@transaction.atomic
def payout_release(*, payout_id: uuid.UUID, approved_by: str, now: datetime) -> Payout:
    """This function will release a blocked payout for which another operator asked, once: it is decided on
    with what is payable now, at most what it was blocked with. Done before, it returns what was done.

    Raises:
        CuxError: NOT_FOUND; PAYOUT_NOT_BLOCKED, nobody asked for this; SAME_OPERATOR; PAYEE_NOT_READY,
            DEBT_OPEN, PAYOUT_TOO_SMALL, nothing is payable any more. Nothing moved.
    """
    payout = _locked(payout_id)
    if payout.state != Payout.State.BLOCKED and payout.release_approved_by:
        return payout
    if payout.state != Payout.State.BLOCKED or not payout.release_requested_by:
        raise CuxError(Code.PAYOUT_NOT_BLOCKED)
    if payout.release_requested_by == approved_by:
        raise CuxError(Code.SAME_OPERATOR)
    if payout.payee.status != "active":
        raise CuxError(Code.PAYEE_NOT_READY)
    if debt_of(payout.payee.organisation_id) > 0:
        raise CuxError(Code.DEBT_OPEN)
    amount = payout_amount(payout.payee, wanted=payout.amount_nano_usd, now=now)
    if not amount:
        raise CuxError(Code.PAYOUT_TOO_SMALL)
    payout.amount_nano_usd, payout.release_approved_by = amount, approved_by
    payout_start(payout, now)
    payout.save()
    payout_audit(Action.RELEASE_APPROVED, payout, actor=approved_by)
    return payout


def _locked(payout_id: uuid.UUID) -> Payout:
    """Return a payout, locked. While it is blocked nothing else is decided on for its payee."""
    rows = Payout.objects.select_related("payee").select_for_update(no_key=True, of=["self"])
    payout = rows.filter(id=payout_id).first()
    if payout is None:
        raise CuxError(Code.NOT_FOUND, "There is no such payout.")
    return payout
