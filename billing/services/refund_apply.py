"""Apply to a refund what became of it: pulled or not, accepted, arrived, failed, sent back.

Everything runs in the caller's transaction and only goes forward (`PULLING`, `HELD`, `PENDING`, `SUCCEEDED`;
`FAILED` from the first three, `RETURNED` from the last), so that whoever comes late, or twice, changes
nothing.
"""

import uuid
from datetime import datetime
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Q, Sum

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep
from billing.models import Deposit, Entry, Refund
from billing.selectors.balances import available
from billing.selectors.debts import debt_of
from billing.services.announce import refund_announce
from billing.services.card_lots import lot_restore, lot_return
from billing.services.deposit_documents import refund_credit_note, refund_returned_invoice
from billing.services.ledger_post import ledger_post
from billing.services.refund_entries import refund_entry, return_entry
from billing.services.wallet_move import send_to_wallet
from core.errors import Code, CuxError
from core.hints import hint_on_commit
from core.money import NANO_PER_CENT

log = structlog.get_logger(__name__)

STEP_TASK: Final = "billing.refund_step"
_FAILED: Final = frozenset({"failed", "canceled"})
_NOT_PULLED: Final = {
    Code.DEBT_OPEN: "What is owed for a disputed payment comes first.",
    Code.INSUFFICIENT_BALANCE: "The money was spent meanwhile.",
}


def refund_pulled(*, refund_id: uuid.UUID, taken: bool, now: datetime) -> None:
    """This function will hold what left the wallet for a refund; if it was not there, the refund fails.

    So it does if something is owed by now: what came repays that, and the rest goes back to the wallet.
    """
    refund = _locked(refund_id)
    if refund.state != Refund.State.PULLING:
        return
    is_owing = debt_of(refund.organisation_id) > 0
    if taken and not is_owing and _hold(refund, now):
        refund.state, refund.next_step_at = Refund.State.HELD, now
        hint_on_commit(task=STEP_TASK, queue="jobs", refund_id=str(refund.id))
    else:
        code = Code.DEBT_OPEN if is_owing else Code.INSUFFICIENT_BALANCE
        _fail(refund, code.wire, _NOT_PULLED[code], now)
        if taken:
            _send_back(refund, now)
    refund.save()


def refund_apply(*, refund_id: uuid.UUID, answer: gateway.Refund, now: datetime) -> bool:
    """This function will bring a refund to what Stripe says it is; return whether that changed anything.

    Raises:
        CuxError: INTERNAL, what Stripe has is not what was asked for: somebody has to look.
    """
    refund = _locked(refund_id)
    _require_as_asked(refund, answer)
    before = refund.state
    refund.stripe_refund_id = answer.id
    under_way = before in (Refund.State.HELD, Refund.State.PENDING)
    if answer.status in _FAILED and under_way:
        refund_fail(refund, answer.failure_reason or answer.status, "The bank did not take it.", now)
    elif answer.status in _FAILED and before == Refund.State.SUCCEEDED:
        _return(refund, answer, now)
    elif answer.status == "succeeded" and under_way:
        _succeed(refund, now)
    elif before == Refund.State.HELD:
        refund.state = Refund.State.PENDING
    refund.save()
    return before != refund.state


def refund_fail(refund: Refund, code: str, message: str, now: datetime) -> None:
    """This function will give all back of a refund that holds money; the caller has its row and saves it."""
    _deposit_locked(refund)
    ledger_post(steps=[HoldStep(refund.id, release=refund.amount_nano_usd)], now=now)
    _fail(refund, code, message, now)
    _send_back(refund, now)


def _locked(refund_id: uuid.UUID) -> Refund:
    return Refund.objects.select_for_update(no_key=True, of=("self",)).get(id=refund_id)


def _deposit_locked(refund: Refund) -> Deposit:
    """Return the deposit, locked: always before lots and balances, as disputes do, so that none deadlocks."""
    return Deposit.objects.select_for_update(no_key=True).get(id=refund.deposit_id)


def _hold(refund: Refund, now: datetime) -> bool:
    """Tell whether the money is held; a debt may have been collected out of funding first."""
    funding = of_organisation(Kind.FUNDING, refund.organisation_id)
    placement = HoldPlacement(refund.id, funding, refund.amount_nano_usd, "refund", str(refund.id))
    try:
        with transaction.atomic():
            ledger_post(placements=[placement], now=now)
    except CuxError as refusal:
        if refusal.code is not Code.INSUFFICIENT_BALANCE:
            raise
        return False
    return True


def _fail(refund: Refund, code: str, message: str, now: datetime) -> None:
    refund.state, refund.finished_at = Refund.State.FAILED, now
    refund.failure_code, refund.failure_message = code, message
    _unreserve(refund)
    refund_announce(refund, now)


def _unreserve(refund: Refund) -> None:
    """Have the deposit be refunded what its other refunds are, which may be beyond it if made at Stripe."""
    deposit = _deposit_locked(refund)
    over = Q(id=refund.id) | Q(state__in=[Refund.State.FAILED, Refund.State.RETURNED])
    others = Refund.objects.filter(deposit_id=deposit.id).exclude(over)
    total = others.aggregate(total=Sum("amount_nano_usd"))["total"] or 0
    deposit.refunded_nano_usd = min(total, deposit.amount_nano_usd - deposit.disputed_nano_usd)
    deposit.save(update_fields=["refunded_nano_usd"])


def _send_back(refund: Refund, now: datetime) -> None:
    funding = of_organisation(Kind.FUNDING, refund.organisation_id)
    amount = min(available(funding), refund.amount_nano_usd)
    if amount > 0:
        send_to_wallet(
            organisation_id=refund.organisation_id,
            amount_nano_usd=amount,
            key=f"refund {refund.id} back",
            now=now,
        )


def _require_as_asked(refund: Refund, answer: gateway.Refund) -> None:
    ours = (
        answer.metadata.get("refund_id") == str(refund.id)
        and answer.payment_id == refund.deposit.payment_intent_id
        and answer.amount_cents * NANO_PER_CENT == refund.card_nano_usd
        and answer.currency == "usd"
        and refund.stripe_refund_id in (None, answer.id)
    )
    if not ours and refund.origin == Refund.Origin.CUX:
        log.error("refund_not_as_asked", refund_id=str(refund.id), stripe_refund_id=answer.id)
        raise CuxError(Code.INTERNAL, "The refund is not what was asked for.")


def _succeed(refund: Refund, now: datetime) -> None:
    refund.lot_nano_usd = lot_return(
        organisation_id=refund.organisation_id,
        payment_intent_id=str(refund.deposit.payment_intent_id),
        amount_nano_usd=refund.amount_nano_usd,
    )
    entry = refund_entry(refund, now)
    ledger_post(entries=[entry], steps=[HoldStep(refund.id, capture=refund.amount_nano_usd)], now=now)
    refund.entry = Entry.objects.get(key=entry.key)
    refund.state, refund.finished_at = Refund.State.SUCCEEDED, now
    refund_credit_note(refund=refund, entry_key=entry.key, now=now)
    refund_announce(refund, now)


def _return(refund: Refund, answer: gateway.Refund, now: datetime) -> None:
    _deposit_locked(refund)
    if refund.lot_nano_usd:
        lot_restore(
            organisation_id=refund.organisation_id,
            payment_intent_id=str(refund.deposit.payment_intent_id),
            amount_nano_usd=refund.lot_nano_usd,
        )
    entry = return_entry(refund, now)
    ledger_post(entries=[entry], now=now)
    refund.return_entry = Entry.objects.get(key=entry.key)
    refund.state, refund.failure_code = Refund.State.RETURNED, answer.failure_reason or answer.status
    refund.failure_message = "The bank sent it back."
    _unreserve(refund)
    _send_back(refund, now)
    refund_returned_invoice(refund=refund, entry_key=entry.key, now=now)
    refund_announce(refund, now)
