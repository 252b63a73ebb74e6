"""Decide on a payout: how much, whether at all; the money leaves earnings in the same transaction."""

import uuid
from datetime import date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import Payee, Payout
from billing.rules.payouts import BlockReason, block_reason, payable
from billing.selectors.balances import balances
from billing.selectors.debts import debt_of
from billing.selectors.payout_facts import payout_facts
from billing.services.ledger_post import ledger_post
from billing.services.money_stop import require_money_runs
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.hints import hint_on_commit
from core.ids import public_id
from core.money import NANO_PER_CENT, format_usd

_DAY: Final = timedelta(days=1)


@transaction.atomic
def payout_decide(
    *, organisation_id: uuid.UUID, day: date | None = None, amount_nano_usd: int | None = None, now: datetime
) -> Payout:
    """This function will decide on a payout of `amount_nano_usd` (all that is payable, if None).

    With a `day` once for that day. What is set aside for card payments at risk is not payable, nor is what a
    cent cannot hold. If something links the provider with its payers the payout is made as `blocked`, nothing
    moves, and two operators may release it (`payout_release`); what is blocked already is returned.

    Raises:
        CuxError: PAYEE_NOT_READY, nobody may be paid yet; DEBT_OPEN; INVALID_FIELD, no whole cents;
            PAYOUT_TOO_SMALL, less is payable than asked for or than the minimum; MONEY_STOPPED. Nothing
            moved.
    """
    require_money_runs()
    payee = Payee.objects.select_for_update(no_key=True).filter(organisation_id=organisation_id).first()
    if payee is None or payee.status != "active":
        raise CuxError(Code.PAYEE_NOT_READY)
    blocked = payee.payouts.filter(state=Payout.State.BLOCKED).first()
    if blocked is not None:
        return blocked
    if debt_of(organisation_id) > 0:
        raise CuxError(Code.DEBT_OPEN)
    if amount_nano_usd is not None and (amount_nano_usd <= 0 or amount_nano_usd % NANO_PER_CENT):
        raise CuxError(Code.INVALID_FIELD, "An amount of whole cents above zero.", param="amount_nano_usd")
    amount = payout_amount(payee, wanted=amount_nano_usd, now=now)
    least = settings.PAYOUT_MIN_NANO_USD
    if amount < max(least, amount_nano_usd or 0):
        raise CuxError(
            Code.PAYOUT_TOO_SMALL,
            f"{format_usd(amount)} can be paid out now; the least is {format_usd(least)}.",
        )
    reason = _reason(payee, now)
    if reason is not None:
        blocked = Payout.objects.create(
            payee=payee,
            day=day,
            state=Payout.State.BLOCKED,
            amount_nano_usd=amount,
            block_reason=reason.value,
        )
        payout_audit(Action.PAYOUT_BLOCKED, blocked, reason=reason.value)
        return blocked
    payout = Payout(payee=payee, day=day, amount_nano_usd=amount)
    payout_start(payout, now)
    payout.save(force_insert=True)
    return payout


def payout_amount(payee: Payee, *, wanted: int | None, now: datetime) -> int:
    """Return what can be paid out to a payee now, in nano-USD; no other payout of it is decided meanwhile."""
    earnings = of_organisation(Kind.EARNINGS, payee.organisation_id)
    in_a_day = payee.payouts.filter(decided_at__gt=now - _DAY).exclude(state=Payout.State.RETURNED)
    return payable(
        available=balances([earnings])[earnings].available,
        day_max=settings.PAYOUT_DAY_MAX_NANO_USD,
        paid_in_a_day=in_a_day.aggregate(sum=Sum("amount_nano_usd"))["sum"] or 0,
        wanted=wanted,
    )


def payout_start(payout: Payout, now: datetime) -> None:
    """This function will move a payout's money from earnings into transit; the caller saves its row.

    Raises:
        CuxError: INSUFFICIENT_BALANCE, it is not there any more.
    """
    earnings = of_organisation(Kind.EARNINGS, payout.payee.organisation_id)
    payout_post(
        payout, "payout", Leg(earnings, of_house(Kind.PAYOUTS_IN_TRANSIT), payout.amount_nano_usd), now
    )
    payout.state = Payout.State.DECIDED
    payout.decided_at = payout.next_step_at = now
    payout_audit(Action.PAYOUT_DECIDED, payout)
    hint_on_commit(task="billing.payout_step", queue="jobs", payout_id=str(payout.id))


def payout_post(payout: Payout, kind: str, leg: Leg, now: datetime) -> None:
    """This function will post one step of a payout, `kind:<payout>`, in the caller's transaction."""
    entry = JournalEntry(f"{kind}:{payout.id}", kind, (leg,), now, ref=f"payout:{payout.id}")
    ledger_post(entries=[entry], now=now)


def payout_audit(action: Action, payout: Payout, *, actor: str | None = None, **detail: str) -> None:
    """This function will write a decision about a payout down, in the caller's transaction."""
    audit_note(
        action,
        public_id("payout", payout.id),
        actor=actor,
        organisation_id=payout.payee.organisation_id,
        amount_nano_usd=payout.amount_nano_usd,
        **detail,
    )


def _reason(payee: Payee, now: datetime) -> BlockReason | None:
    since = now - timedelta(seconds=settings.PASS_THROUGH_S)
    return block_reason(
        payout_facts(payee=payee, pass_through_since=since, now=now),
        from_nano_usd=settings.PASS_THROUGH_NANO_USD,
        share_ppm=settings.PASS_THROUGH_PPM,
    )
