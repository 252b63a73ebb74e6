"""What came back of a payout that the bank was paid: two operators decide whose it is."""

import uuid
from datetime import datetime

from django.db import transaction

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import Leg
from billing.models import Payout
from billing.services.announce import payout_announce
from billing.services.payout_decide import payout_post
from core.errors import Code, CuxError

State = Payout.State


def payout_reversed_credit(*, payout_id: uuid.UUID, now: datetime) -> None:
    """This function will return what came back to the provider's earnings: it does not have it from the bank.

    Raises:
        CuxError: PAYOUT_NOT_BLOCKED, it was decided on before, or the bank sent it back. Nothing moved.
    """
    payout = Payout.objects.select_related("payee").get(id=payout_id)
    earnings = of_organisation(Kind.EARNINGS, payout.payee.organisation_id)
    _end(payout, State.RETURNED, "payout_returned", earnings, now)


def payout_reversed_keep(*, payout_id: uuid.UUID, now: datetime) -> None:
    """This function will give what came back to the insurance, which bears what the account leaves owing.

    The provider has been paid by its bank. Raises as `payout_reversed_credit`.
    """
    payout = Payout.objects.select_related("payee").get(id=payout_id)
    _end(payout, State.KEPT, "payout_kept", of_house(Kind.INSURANCE), now)


@transaction.atomic
def _end(payout: Payout, state: State, kind: str, to: AccountRef, now: datetime) -> None:
    waiting = Payout.objects.filter(id=payout.id, state=State.REVERSED)
    if not waiting.update(state=state, next_step_at=None, finished_at=now):
        raise CuxError(Code.PAYOUT_NOT_BLOCKED)
    payout_post(payout, kind, Leg(of_house(Kind.PAYOUTS_IN_TRANSIT), to, payout.amount_nano_usd), now)
    payout.state = state
    payout_announce(payout, now)
