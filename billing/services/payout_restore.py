"""A payout that Stripe made after the backup that these books were restored from: it is here again.

Its transfer names it: the row gets the same id, and so everything that Stripe says of it finds it.
"""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import Payee, Payout
from billing.selectors.balances import balances
from billing.services.deposit_events import is_uuid
from billing.services.ledger_post import ledger_post
from billing.services.payout_decide import payout_audit, payout_post
from core.audit import Action
from core.errors import Code, CuxError
from core.hints import hint_on_commit
from core.money import NANO_PER_CENT


def transfer_named(transfer_id: str) -> gateway.Transfer:
    """Return a transfer as Stripe has it. No transaction may be open: Stripe is asked.

    Raises:
        CuxError: NOT_FOUND, Stripe knows of none.
        Unavailable, Misconfigured: Stripe did not say.
    """
    try:
        return gateway.transfer_get(transfer_id)
    except gateway.Refused:
        raise _none() from None


def transfer_of_payout(payout_id: uuid.UUID) -> gateway.Transfer:
    """Return the transfer of a payout as Stripe has it. Raises as `transfer_named`."""
    found = gateway.transfers_of_group(str(payout_id))
    if not found:
        raise _none()
    return found[0]


def payout_lost(*, transfer: gateway.Transfer, organisation_id: uuid.UUID) -> Payout:
    """Return the payout that a transfer was made for, as it was then, not saved.

    Raises:
        CuxError: INVALID_FIELD, the transfer is not one of a payout of ours to this organisation, or came
            back, in whole or in part; PAYOUT_NOT_BLOCKED, its payout is here.
    """
    payee = Payee.objects.filter(organisation_id=organisation_id).first()
    if payee is None or payee.stripe_account_id is None or transfer.destination_id != payee.stripe_account_id:
        raise _wrong("This transfer does not go to that organisation.")
    if transfer.currency != "usd" or not is_uuid(transfer.group):
        raise _wrong("No payout of ours made this transfer.")
    if transfer.reversed_cents:
        raise _wrong("This transfer was reversed.")
    payout_id = uuid.UUID(transfer.group)
    if Payout.objects.filter(Q(id=payout_id) | Q(transfer_id=transfer.id)).exists():
        raise _known()
    amount = transfer.amount_cents * NANO_PER_CENT
    return Payout(id=payout_id, payee=payee, amount_nano_usd=amount, transfer_id=transfer.id)


@transaction.atomic
def payout_restore(
    *, transfer: gateway.Transfer, organisation_id: uuid.UUID, approved_by: str, now: datetime
) -> Payout:
    """This function will make the payout of a transfer be here, as sent, once; it goes on by itself.

    It is taken out of the earnings. Where these do not have so much any more, since what earned it was lost
    too, the provider owes the rest, as for a dispute: what it earns next repays that.

    Raises:
        CuxError: as `payout_lost`; INSUFFICIENT_BALANCE, the earnings went at this moment. Nothing moved.
    """
    payout = payout_lost(transfer=transfer, organisation_id=organisation_id)
    payout.state, payout.decided_at, payout.next_step_at = Payout.State.TRANSFERRED, now, now
    try:
        with transaction.atomic():
            payout.save(force_insert=True)
    except IntegrityError:
        raise _known() from None
    _post(payout, organisation_id, now)
    payout_audit(Action.PAYOUT_RESTORED, payout, actor=approved_by, transfer=transfer.id)
    hint_on_commit(task="billing.payout_step", queue="jobs", payout_id=str(payout.id))
    return payout


def _post(payout: Payout, organisation_id: uuid.UUID, now: datetime) -> None:
    earnings, debt = (of_organisation(kind, organisation_id) for kind in (Kind.EARNINGS, Kind.DISPUTE_DEBT))
    in_transit, clearing = of_house(Kind.PAYOUTS_IN_TRANSIT), of_house(Kind.STRIPE_CLEARING)
    earned = min(payout.amount_nano_usd, max(0, balances([earnings])[earnings].available))
    parts = ((earnings, earned), (debt, payout.amount_nano_usd - earned))
    legs = tuple(Leg(source, in_transit, part) for source, part in parts if part)
    key = f"payout:{payout.id}"
    ledger_post(entries=[JournalEntry(key, "payout", legs, now, ref=key)], now=now)
    payout_post(payout, "payout_sent", Leg(in_transit, clearing, payout.amount_nano_usd), now)


def _none() -> CuxError:
    return CuxError(Code.NOT_FOUND, "Stripe has no such transfer.", param="transfer_id")


def _wrong(said: str) -> CuxError:
    return CuxError(Code.INVALID_FIELD, said, param="transfer_id")


def _known() -> CuxError:
    said = "The payout of this transfer is here, and finds it by itself; a blocked one once it is released."
    return CuxError(Code.PAYOUT_NOT_BLOCKED, said, param="transfer_id")
