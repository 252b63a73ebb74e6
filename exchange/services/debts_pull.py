"""Money in a debtor's wallet repays what it owes for disputed payments.

The wallet is asked through the outbox, as for a refund: the message is the intent. So whoever dies meanwhile,
however late the sequencer answers and whatever became of the debt, what it gave is accounted for by
`debt_pulled`.
"""

import uuid
from datetime import datetime
from typing import Final

from django.db.models import Q

from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import available, balances
from billing.selectors.debts import debt_of, debtors
from billing.services.debt_capture import debt_capture
from billing.services.debt_collect import debt_collect
from billing.services.wallet_move import send_to_wallet
from core.ids import new_id
from core.models import OutboxMessage
from core.outbox import outbox_add
from core.reconcile import for_each
from core.retry import transact
from exchange.locks import debtor_turn

_ASKED: Final = Q(topic="wallet.defund", payload__reply_topic="debt.pulled") | Q(topic="debt.pulled")


def debts_pull(*, now: datetime) -> int:
    """This function will collect of every debtor what it has, and return from how many it got something."""
    return for_each(debtors(), lambda row: debt_pull(organisation_id=row, now=now), name="debts")


def debt_pull(*, organisation_id: uuid.UUID, now: datetime) -> int:
    """This function will ask for what funding lacks of a debt out of the wallet; `debt_pulled` goes on. If
    the wallet has nothing to give, it repays at once; return how much was repaid then, in nano-USD.

    Level-triggered, one at a time for each debtor: while another pull is under way, this does nothing. Orders
    keep what they hold; if the wallet was spent meanwhile, the next time takes less.

    Raises:
        CuxError: as `debt_collect`.
    """
    return transact(lambda: _pull(organisation_id, now))


def debt_pulled(
    *, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, taken: bool, now: datetime
) -> int:
    """This function will repay a debt once the wallet has given an amount, or could not (`taken`).

    Out of funding and earnings, then out of what providers have earned by the disputed payments since. What
    turns out not to be owed any more goes back to the wallet; what funding had besides is used first, and
    stays there if it is not needed. Runs in the outbox's transaction; returns how much was repaid.

    Raises:
        CuxError: as `debt_collect`; INSUFFICIENT_BALANCE, another took of the same money at this moment.
    """
    repaid = _repay(organisation_id, now)
    over = min(amount_nano_usd, available(of_organisation(Kind.FUNDING, organisation_id))) if taken else 0
    if over > 0:
        send_to_wallet(organisation_id=organisation_id, amount_nano_usd=over, key=f"{key} back", now=now)
    return repaid


def _pull(organisation_id: uuid.UUID, now: datetime) -> int:
    if not debtor_turn(organisation_id=organisation_id) or _is_under_way(organisation_id):
        return 0
    wallet, funding = (of_organisation(kind, organisation_id) for kind in (Kind.WALLET, Kind.FUNDING))
    found = balances([wallet, funding])
    lacking = debt_of(organisation_id) - max(0, found[funding].available)
    amount = min(lacking, found[wallet].available)
    if amount <= 0:
        return _repay(organisation_id, now)
    asked = {"organisation_id": str(organisation_id), "amount_nano_usd": amount, "key": f"debt {new_id()}"}
    outbox_add(topic="wallet.defund", payload={**asked, "reply_topic": "debt.pulled", "reply": asked})
    return 0


def _is_under_way(organisation_id: uuid.UUID) -> bool:
    unsent = OutboxMessage.objects.filter(_ASKED, sent_at__isnull=True)
    return unsent.filter(payload__organisation_id=str(organisation_id)).exists()


def _repay(organisation_id: uuid.UUID, now: datetime) -> int:
    collected = debt_collect(organisation_id=organisation_id, now=now)
    return collected + debt_capture(organisation_id=organisation_id, now=now)
