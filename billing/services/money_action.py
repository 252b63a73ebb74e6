"""What operators do with money by hand: one proposes; as another approves it is done, once."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from django.db import transaction

from accounts.models import Organisation
from billing import stripe_gateway as gateway
from billing.ledger.chart import AccountRef, of_house, of_organisation
from billing.ledger.chart import Kind as AccountKind
from billing.ledger.posting import HoldStep, JournalEntry, Leg
from billing.models import Entry, Hold, MoneyAction, Payout
from billing.models.money_action import OPEN_FOR
from billing.selectors.debts import debt_of
from billing.selectors.money_actions import money_action_view
from billing.services.document_issue import Line, Reason, service_credit_issue
from billing.services.ledger_post import ledger_post
from billing.services.payout_release import payout_release, payout_release_request
from billing.services.payout_restore import payout_lost, payout_restore, transfer_named, transfer_of_payout
from billing.services.payout_reversed import payout_reversed_credit, payout_reversed_keep
from billing.services.wallet_move import send_to_wallet
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.idempotency import once
from core.ids import parse_public_id, public_id
from cux.wire.oversight import MoneyActionView, NewMoneyAction

Kind = MoneyAction.Kind
_NOTHING: Final = uuid.UUID(int=0)
RELEASABLE: Final = "card_risk"
"""The kind of hold that operators may release; all others belong to something that goes on by itself."""


def money_action_propose(
    *, asked: NewMoneyAction, proposed_by: str, operators_id: uuid.UUID, key: str, now: datetime
) -> MoneyActionView:
    """This function will write a proposal down, once per `key` of the organisation `operators_id`.

    Nothing moves until another operator approves it.

    Raises:
        CuxError: NOT_FOUND, there is no such organisation, hold or payout; INVALID_FIELD, what this kind
            needs is missing, or more is to be written off than is owed; PAYOUT_NOT_BLOCKED (or not reversed);
            as `payout_lost`; IDEMPOTENCY_KEY_REUSED.
        Unavailable, Misconfigured: Stripe, asked about a transfer, did not say.
    """
    named = transfer_named(asked.transfer_id or "") if asked.kind == "payout_restore" else None
    made, _ = once(
        organisation_id=operators_id,
        key=key,
        body_sha256=hashlib.sha256(b"money action " + msgspec.json.encode(asked)).digest(),
        action=lambda: {"id": str(_propose(asked, named, proposed_by, now).id)},
    )
    return money_action_view(MoneyAction.objects.get(id=uuid.UUID(made["id"])), now)


def _propose(
    asked: NewMoneyAction, named: gateway.Transfer | None, proposed_by: str, now: datetime
) -> MoneyAction:
    action = _FILL[Kind(asked.kind)](asked) if named is None else _lost(asked, named)
    action.kind, action.reason = asked.kind, asked.reason
    action.proposed_by, action.proposed_at = proposed_by, now
    if asked.kind == "payout_release":
        assert action.subject_id is not None, "it was looked up"
        payout_release_request(
            payout_id=action.subject_id, requested_by=proposed_by, reason=asked.reason, now=now
        )
    action.save(force_insert=True)
    _audit(Action.MONEY_PROPOSED, action, proposed_by)
    return action


def money_action_approve(*, action_id: uuid.UUID | None, approved_by: str, now: datetime) -> MoneyActionView:
    """This function will do what another operator proposed, once; done before, it returns what was done.

    Raises:
        CuxError: NOT_FOUND; SAME_OPERATOR; MONEY_ACTION_LAPSED, it was proposed a day ago; as the ledger
            (INSUFFICIENT_BALANCE, HOLD_NOT_COVERING), `payout_release` and `payout_restore`. Nothing moved.
        Unavailable, Misconfigured: Stripe, asked about a transfer, did not say.
    """
    lost = MoneyAction.objects.filter(id=action_id or _NOTHING, kind=Kind.PAYOUT_RESTORE, approved_by="")
    payout_id = lost.values_list("subject_id", flat=True).first()
    sent = transfer_of_payout(payout_id) if payout_id is not None else None
    return _approve(action_id, approved_by, sent, now)


@transaction.atomic
def _approve(
    action_id: uuid.UUID | None, approved_by: str, sent: gateway.Transfer | None, now: datetime
) -> MoneyActionView:
    rows = MoneyAction.objects.select_for_update(no_key=True)
    action = rows.filter(id=action_id or _NOTHING).first()
    if action is None:
        raise CuxError(Code.NOT_FOUND, "There is no such proposal.")
    if action.approved_by:
        return money_action_view(action, now)
    if action.proposed_by == approved_by:
        raise CuxError(Code.SAME_OPERATOR)
    if now > action.proposed_at + OPEN_FOR:
        raise CuxError(Code.MONEY_ACTION_LAPSED)
    action.approved_by, action.approved_at = approved_by, now
    if action.kind == Kind.PAYOUT_RESTORE:
        _restore(action, sent, now)
    else:
        _DO[Kind(action.kind)](action, now)
    action.save(update_fields=["approved_by", "approved_at", "entry"])
    _audit(Action.MONEY_APPROVED, action, approved_by)
    return money_action_view(action, now)


# -- what a proposal of each kind needs


def _of_organisation(asked: NewMoneyAction) -> MoneyAction:
    known = parse_public_id("organisation", asked.organisation_id or "") or _NOTHING
    if not Organisation.objects.filter(id=known).exists():
        raise CuxError(Code.NOT_FOUND, "There is no such organisation.", param="organisation_id")
    return MoneyAction(organisation_id=known, source=asked.source or "", amount_nano_usd=_amount(asked))


def _credit(asked: NewMoneyAction) -> MoneyAction:
    if asked.source is None:
        raise CuxError(Code.INVALID_FIELD, "Say what pays for it.", param="source")
    return _of_organisation(asked)


def _write_off(asked: NewMoneyAction) -> MoneyAction:
    action = _credit(asked)
    assert action.organisation_id is not None, "it was looked up"
    if action.amount_nano_usd > debt_of(action.organisation_id):
        raise CuxError(Code.INVALID_FIELD, "Less is owed.", param="amount_nano_usd")
    return action


def _top_up(asked: NewMoneyAction) -> MoneyAction:
    return MoneyAction(amount_nano_usd=_amount(asked))


def _hold(asked: NewMoneyAction) -> MoneyAction:
    known = parse_public_id("hold", asked.hold_id or "") or _NOTHING
    hold = Hold.objects.select_related("account").filter(id=known, kind=RELEASABLE, ended_at=None).first()
    if hold is None:
        raise CuxError(Code.NOT_FOUND, "Nothing is set aside there for a card payment.", param="hold_id")
    rest = hold.placed - hold.captured - hold.released
    return MoneyAction(organisation_id=hold.account.organisation_id, subject_id=hold.id, amount_nano_usd=rest)


def _payout(asked: NewMoneyAction) -> MoneyAction:
    known = parse_public_id("payout", asked.payout_id or "") or _NOTHING
    payout = Payout.objects.select_related("payee").filter(id=known).first()
    if payout is None:
        raise CuxError(Code.NOT_FOUND, "There is no such payout.", param="payout_id")
    return MoneyAction(
        organisation_id=payout.payee.organisation_id,
        subject_id=payout.id,
        amount_nano_usd=payout.amount_nano_usd,
    )


def _reversed(asked: NewMoneyAction) -> MoneyAction:
    action = _payout(asked)
    if not Payout.objects.filter(id=action.subject_id or _NOTHING, state=Payout.State.REVERSED).exists():
        raise CuxError(Code.PAYOUT_NOT_BLOCKED, param="payout_id")
    return action


def _lost(asked: NewMoneyAction, named: gateway.Transfer) -> MoneyAction:
    known = parse_public_id("organisation", asked.organisation_id or "") or _NOTHING
    payout = payout_lost(transfer=named, organisation_id=known)
    return MoneyAction(organisation_id=known, subject_id=payout.id, amount_nano_usd=payout.amount_nano_usd)


def _amount(asked: NewMoneyAction) -> int:
    if asked.amount_nano_usd is None:
        raise CuxError(Code.INVALID_FIELD, "Say how much.", param="amount_nano_usd")
    return asked.amount_nano_usd


_FILL: Final[dict[Kind, Callable[[NewMoneyAction], MoneyAction]]] = {
    Kind.GOODWILL: _credit,
    Kind.DEBT_WRITE_OFF: _write_off,
    Kind.INSURANCE_TOP_UP: _top_up,
    Kind.HOLD_RELEASE: _hold,
    Kind.PAYOUT_RELEASE: _payout,
    Kind.REVERSAL_CREDIT: _reversed,
    Kind.REVERSAL_KEEP: _reversed,
}

# -- what is done


def _give(action: MoneyAction, now: datetime) -> None:
    assert action.organisation_id is not None, "a CHECK says so"
    funding = of_organisation(AccountKind.FUNDING, action.organisation_id)
    _post(action, Leg(_source(action), funding, action.amount_nano_usd), now)
    send_to_wallet(
        organisation_id=action.organisation_id,
        amount_nano_usd=action.amount_nano_usd,
        key=f"money_action {action.id}",
        now=now,
    )
    service_credit_issue(
        organisation_id=action.organisation_id,
        entry_key=_entry_key(action),
        reason=Reason.GOODWILL,
        # Not the operators' reason, which is written for them: the id is what to ask about.
        line=Line("Goodwill credit", action.amount_nano_usd, detail=public_id("money_action", action.id)),
        now=now,
    )


def _bear(action: MoneyAction, now: datetime) -> None:
    assert action.organisation_id is not None, "a CHECK says so"
    debt = of_organisation(AccountKind.DISPUTE_DEBT, action.organisation_id)
    _post(action, Leg(_source(action), debt, action.amount_nano_usd), now)


def _insure(action: MoneyAction, now: datetime) -> None:
    cash, insurance = of_house(AccountKind.EXTERNAL_CASH), of_house(AccountKind.INSURANCE)
    _post(action, Leg(cash, insurance, action.amount_nano_usd), now)


def _let_go(action: MoneyAction, now: datetime) -> None:
    assert action.subject_id is not None, "a CHECK says so"
    ledger_post(steps=[HoldStep(action.subject_id, release=action.amount_nano_usd)], now=now)


def _release(action: MoneyAction, now: datetime) -> None:
    assert action.subject_id is not None, "a CHECK says so"
    payout_release(payout_id=action.subject_id, approved_by=action.approved_by, now=now)


def _credit_reversed(action: MoneyAction, now: datetime) -> None:
    assert action.subject_id is not None, "a CHECK says so"
    payout_reversed_credit(payout_id=action.subject_id, now=now)


def _keep_reversed(action: MoneyAction, now: datetime) -> None:
    assert action.subject_id is not None, "a CHECK says so"
    payout_reversed_keep(payout_id=action.subject_id, now=now)


def _restore(action: MoneyAction, sent: gateway.Transfer | None, now: datetime) -> None:
    assert sent is not None, "it was looked up"
    assert action.organisation_id is not None, "a CHECK says so"
    payout = payout_restore(
        transfer=sent, organisation_id=action.organisation_id, approved_by=action.approved_by, now=now
    )
    if payout.amount_nano_usd != action.amount_nano_usd:
        raise CuxError(Code.INVALID_FIELD, "Stripe has another transfer of this payout than was proposed.")


_DO: Final[dict[Kind, Callable[[MoneyAction, datetime], None]]] = {
    Kind.GOODWILL: _give,
    Kind.DEBT_WRITE_OFF: _bear,
    Kind.INSURANCE_TOP_UP: _insure,
    Kind.HOLD_RELEASE: _let_go,
    Kind.PAYOUT_RELEASE: _release,
    Kind.REVERSAL_CREDIT: _credit_reversed,
    Kind.REVERSAL_KEEP: _keep_reversed,
}


def _post(action: MoneyAction, leg: Leg, now: datetime) -> None:
    key = _entry_key(action)
    entry = JournalEntry(key, "money_action", (leg,), now, ref=f"money_action:{action.kind}")
    ledger_post(entries=[entry], now=now)
    action.entry = Entry.objects.get(key=key)


def _entry_key(action: MoneyAction) -> str:
    return f"money_action:{action.id}"


def _source(action: MoneyAction) -> AccountRef:
    return of_house(AccountKind(action.source))


def _audit(what: Action, action: MoneyAction, actor: str) -> None:
    audit_note(
        what,
        public_id("money_action", action.id),
        actor=actor,
        organisation_id=action.organisation_id,
        kind=str(action.kind),
        amount_nano_usd=action.amount_nano_usd,
        reason=action.reason,
    )
