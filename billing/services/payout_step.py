"""Take a payout as far as it goes: transfer, payout to the bank, arrival; or take it back.

Each state has one step. It asks Stripe with no transaction open, under a key of the payout, and then moves
the state on and posts in one transaction, only from the state that it saw. So a step may be repeated, by two
at once or after a crash anywhere. Stripe keeps even a 500 under a key: then its effect is looked for first,
and only if there is none asked for under another key.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import F

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import Leg
from billing.models import Payee, Payout
from billing.services.announce import payout_announce
from billing.services.money_stop import money_is_stopped
from billing.services.payout_decide import payout_audit, payout_post
from core.audit import Action
from core.errors import Code, CuxError
from core.money import NANO_PER_CENT

log = structlog.get_logger(__name__)

State = Payout.State
_PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3_600))
"""Between steps that did not get on; the last again and again."""
_WATCH: Final = timedelta(hours=6)
"""Between looks at a payout on its way to the bank; webhooks are quicker."""
_POOR: Final = frozenset({"balance_insufficient", "insufficient_funds"})
"""What was taken by card is at Stripe for days before it can be sent on: that is waited for."""
_NOT_PAID: Final = frozenset({"failed", "canceled"})
"""What a payout is at Stripe whose money the bank did not keep."""
_LACKING: Final = frozenset({Code.INSUFFICIENT_BALANCE, Code.HOLD_NOT_COVERING})
"""How the ledger refuses to take what an account does not have."""


def payout_step(*, payout_id: uuid.UUID, now: datetime) -> bool:
    """This function will take a payout as far as it goes now, and return whether it moved.

    Raises:
        Unavailable, Misconfigured: Stripe was asked and did not say; the step is due again shortly.
    """
    moved = False
    while True:
        payout = Payout.objects.select_related("payee").get(id=payout_id)
        step = _STEPS.get(State(payout.state))
        if step is None or payout.next_step_at is None:
            return moved
        _schedule(payout, now)
        if not step(payout, now):
            return moved
        moved = True


def _send(payout: Payout, now: datetime) -> bool:
    """Send the money to the connected account."""
    try:
        transfer = _transfer_made(payout)
        if transfer is None and money_is_stopped():
            return False
        transfer = transfer or gateway.transfer_create(
            key=_key(payout, "transfer"),
            destination_id=_account(payout),
            amount_cents=_cents(payout),
            group=str(payout.id),
            metadata={"payout_id": str(payout.id)},
        )
    except gateway.Unavailable as unavailable:
        _ask_anew(payout, unavailable)
        raise
    except gateway.Refused as refused:
        return _refused(payout, refused, now)
    leg = Leg(of_house(Kind.PAYOUTS_IN_TRANSIT), of_house(Kind.STRIPE_CLEARING), payout.amount_nano_usd)
    return _move(payout, State.TRANSFERRED, now, ("payout_sent", leg), transfer_id=transfer.id)


def _pay_out(payout: Payout, now: datetime) -> bool:
    """Have the connected account pay it out to its bank."""
    try:
        made = _payout_made(payout)
        if made is None and money_is_stopped():
            return False
        made = made or gateway.payout_create(
            key=_key(payout, "payout"),
            account=_account(payout),
            amount_cents=_cents(payout),
            metadata={"payout_id": str(payout.id)},
        )
    except gateway.Unavailable as unavailable:
        _ask_anew(payout, unavailable)
        raise
    except gateway.Refused as refused:
        return _refused(payout, refused, now)
    return _move(payout, State.PAID_OUT, now, stripe_payout_id=made.id, arrives_at=made.arrives_at)


def _watch(payout: Payout, now: datetime) -> bool:
    """See what has become of it at the bank, which may change its mind after it has arrived."""
    assert payout.stripe_payout_id is not None, "it was paid out"
    found = gateway.payout_get(payout.stripe_payout_id, account=_account(payout))
    if found.status in _NOT_PAID:
        return _fail(payout, found.failure_code or found.status, found.failure_message, now)
    if found.status == "paid" and payout.state == State.PAID_OUT:
        return _move(payout, State.PAID, now, finished_at=now)
    pause = now + _WATCH if payout.state == State.PAID_OUT else None
    Payout.objects.filter(id=payout.id, state=payout.state).update(next_step_at=pause)
    return False


def _take_back(payout: Payout, now: datetime) -> bool:
    """Take the money back from the connected account, if it got there, and return it to the earnings.

    Not to them if the bank was paid all the same, as after a reversal at Stripe: then it is set aside.
    """
    earnings = of_organisation(Kind.EARNINGS, payout.payee.organisation_id)
    if payout.transfer_id is None:
        leg = Leg(of_house(Kind.PAYOUTS_IN_TRANSIT), earnings, payout.amount_nano_usd)
        return _move(payout, State.RETURNED, now, ("payout_returned", leg), finished_at=now)
    try:
        reversal_id = _reversal_made(payout)
        if reversal_id is not None and (paid := _bank_is_paid(payout)) is not None:
            return _set_aside(payout, reversal_id, paid, now)
        reversal_id = reversal_id or _reverse(payout, payout.transfer_id)
    except gateway.Unavailable as unavailable:
        _ask_anew(payout, unavailable)
        raise
    except gateway.Refused as refused:
        return _wait(payout, refused)
    leg = Leg(of_house(Kind.STRIPE_CLEARING), earnings, payout.amount_nano_usd)
    posting = ("payout_returned", leg)
    return _move(payout, State.RETURNED, now, posting, reversal_id=reversal_id, finished_at=now)


@transaction.atomic
def _set_aside(payout: Payout, reversal_id: str, paid: gateway.Payout, now: datetime) -> bool:
    """Leave to operators what came back to us while the provider has it from the bank."""
    leg = Leg(of_house(Kind.STRIPE_CLEARING), of_house(Kind.PAYOUTS_IN_TRANSIT), payout.amount_nano_usd)
    posting = ("payout_reversed", leg)
    facts = {"reversal_id": reversal_id, "stripe_payout_id": paid.id, "reversed_at": now}
    log.error("payout_reversed", payout_id=str(payout.id), reversal_id=reversal_id)
    if _move(payout, State.REVERSED, now, posting, **facts) and payout.state == State.REVERSED:
        payout_audit(Action.PAYOUT_REVERSED, payout, reversal=reversal_id)
    return True


def _watch_reversed(payout: Payout, now: datetime) -> bool:
    """See whether the bank sends it back after all: then the provider does not have it, and it is earned."""
    assert payout.stripe_payout_id is not None, "the bank was paid"
    found = gateway.payout_get(payout.stripe_payout_id, account=_account(payout))
    if found.status in _NOT_PAID:
        return _return_from(Kind.PAYOUTS_IN_TRANSIT, payout, now)
    pause = None if found.status == "paid" else now + _WATCH
    Payout.objects.filter(id=payout.id, state=payout.state).update(next_step_at=pause)
    return False


def _watch_kept(payout: Payout, now: datetime) -> bool:
    """See whether the bank sends back what operators kept as it had it: then the insurance, which got it,
    returns it to the earnings.

    While the insurance does not have so much any more it is looked at, and said.
    """
    assert payout.stripe_payout_id is not None, "the bank was paid"
    found = gateway.payout_get(payout.stripe_payout_id, account=_account(payout))
    if found.status not in _NOT_PAID:
        Payout.objects.filter(id=payout.id, state=payout.state).update(next_step_at=None)
        return False
    try:
        return _return_from(Kind.INSURANCE, payout, now)
    except CuxError as refusal:
        if refusal.code not in _LACKING:
            raise
        log.error("payout_kept_not_paid", payout_id=str(payout.id), code=found.failure_code)
        return False


@transaction.atomic
def _return_from(kind: Kind, payout: Payout, now: datetime) -> bool:
    """Return to the earnings what the bank sent back, from where it was put when Stripe took it back."""
    Payee.objects.filter(id=payout.payee_id).update(failed_bank_fingerprint=F("bank_fingerprint"))
    earnings = of_organisation(Kind.EARNINGS, payout.payee.organisation_id)
    leg = Leg(of_house(kind), earnings, payout.amount_nano_usd)
    return _move(payout, State.RETURNED, now, ("payout_returned", leg), finished_at=now)


def _bank_is_paid(payout: Payout) -> gateway.Payout | None:
    """Return the payout that reached the bank, or is on its way there; None: it did not, or there is none."""
    known = payout.stripe_payout_id
    made = gateway.payout_get(known, account=_account(payout)) if known else _payout_made(payout)
    return made if made is not None and made.status not in _NOT_PAID else None


def _reverse(payout: Payout, transfer_id: str) -> str:
    made = gateway.transfer_reverse(
        transfer_id,
        key=_key(payout, "reversal"),
        amount_cents=_cents(payout),
        metadata={"payout_id": str(payout.id)},
    )
    return made.id


_STEPS: Final[dict[State, Callable[[Payout, datetime], bool]]] = {
    State.DECIDED: _send,
    State.TRANSFERRED: _pay_out,
    State.PAID_OUT: _watch,
    State.PAID: _watch,
    State.FAILED: _take_back,
    State.REVERSED: _watch_reversed,
    State.KEPT: _watch_kept,
}
"""What each state's step is. It returns whether the payout may have moved on, by this run or another."""


def _transfer_made(payout: Payout) -> gateway.Transfer | None:
    """Return the transfer that an earlier step made, whatever became of the answer, or of our rows."""
    found = gateway.transfers_of_group(str(payout.id))
    return found[0] if found else None


def _payout_made(payout: Payout) -> gateway.Payout | None:
    found = gateway.payouts_list(account=_account(payout))
    mine = (made for made in found if made.metadata.get("payout_id") == str(payout.id))
    return next(mine, None)


def _reversal_made(payout: Payout) -> str | None:
    """Return the reversal that an earlier step, or an operator at Stripe, made of the whole transfer."""
    assert payout.transfer_id is not None, "there is something to reverse"
    found = gateway.reversals_of_transfer(payout.transfer_id)
    return found[0].id if sum(made.amount_cents for made in found) >= _cents(payout) else None


def _refused(payout: Payout, refused: gateway.Refused, now: datetime) -> bool:
    if refused.code in _POOR:
        return _wait(payout, refused)
    return _fail(payout, refused.code, refused.message, now)


def _wait(payout: Payout, refused: gateway.Refused) -> bool:
    """Leave it to a later step. Stripe keeps a refusal under its key, so the next asks under another."""
    log.warning("payout_waits", payout_id=str(payout.id), code=refused.code)
    Payout.objects.filter(id=payout.id, attempt=payout.attempt).update(
        attempt=payout.attempt + 1, waiting_for=refused.code[:80]
    )
    return False


@transaction.atomic
def _fail(payout: Payout, code: str, message: str, now: datetime) -> bool:
    """End it. Nothing more goes to an account that takes no transfer, until it is read again, nor to a bank
    account that took no payout, until it is another."""
    log.warning("payout_failed", payout_id=str(payout.id), code=code)
    payee = Payee.objects.filter(id=payout.payee_id)
    if payout.state == State.DECIDED:
        payee.update(transfers_active=False)
    else:
        payee.update(failed_bank_fingerprint=F("bank_fingerprint"))
    return _move(payout, State.FAILED, now, failure_code=code[:80], failure_message=message)


def _ask_anew(payout: Payout, unavailable: gateway.Unavailable) -> None:
    if unavailable.is_kept:
        Payout.objects.filter(id=payout.id, attempt=payout.attempt).update(attempt=payout.attempt + 1)


@transaction.atomic
def _move(
    payout: Payout, state: State, now: datetime, posting: tuple[str, Leg] | None = None, **fields: Any
) -> bool:
    """Move the payout on, with its entry, if it still is as this step saw it; else another step did."""
    seen = Payout.objects.filter(id=payout.id, state=payout.state)
    done = state in (State.PAID, State.RETURNED)
    fields |= {"steps": 0, "waiting_for": "", "next_step_at": None if done else now}
    if not seen.update(state=state, **fields):
        return True
    if posting is not None:
        payout_post(payout, *posting, now)
    payout.state = state
    payout_announce(payout, now)
    return True


def _schedule(payout: Payout, now: datetime) -> None:
    """Have the next step taken later, also if this one ends in a crash."""
    pause = _PAUSES[min(payout.steps, len(_PAUSES) - 1)]
    seen = Payout.objects.filter(id=payout.id, state=payout.state)
    seen.update(steps=payout.steps + 1, next_step_at=now + pause)


def _key(payout: Payout, step: str) -> str:
    return f"payout:{payout.id}:{step}:{payout.attempt}"


def _cents(payout: Payout) -> int:
    return payout.amount_nano_usd // NANO_PER_CENT


def _account(payout: Payout) -> str:
    assert payout.payee.stripe_account_id is not None, "nobody is paid before having an account"
    return payout.payee.stripe_account_id
