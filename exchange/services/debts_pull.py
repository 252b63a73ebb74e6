"""Money in a debtor's wallet repays what it owes for disputed payments."""

import uuid
from datetime import datetime

import structlog

from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import available, balances
from billing.selectors.debts import debt_of, debtors
from billing.services.debt_capture import debt_capture
from billing.services.debt_collect import debt_collect
from billing.services.wallet_move import send_to_wallet
from core.ids import new_id
from core.reconcile import for_each
from core.retry import transact
from exchange.locks import debtor_turn
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Defund

log = structlog.get_logger(__name__)


def debts_pull(*, now: datetime) -> int:
    """This function will collect of every debtor what it has, and return from how many it got something."""
    return for_each(debtors(), lambda row: debt_pull(organisation_id=row, now=now), name="debts")


def debt_pull(*, organisation_id: uuid.UUID, now: datetime) -> int:
    """This function will have the sequencer give what funding lacks of a debt out of the wallet, and repay
    the debt out of funding and earnings, then out of what providers have earned by the disputed payments
    since; return how much was repaid, in nano-USD. What turns out not to be owed any more goes back.

    Level-triggered, one at a time for each debtor: while another pull goes on, this one does nothing. Orders
    keep what they hold; if the wallet was spent meanwhile, the next time takes less.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY; as `debt_collect`.
    """
    with debtor_turn(organisation_id=organisation_id) as ours:
        return _pull(organisation_id, now) if ours else 0


def _pull(organisation_id: uuid.UUID, now: datetime) -> int:
    wallet, funding = (of_organisation(kind, organisation_id) for kind in (Kind.WALLET, Kind.FUNDING))
    found = balances([wallet, funding])
    own = max(0, found[funding].available)
    amount = min(debt_of(organisation_id) - own, found[wallet].available)
    key = f"debt {new_id()}"
    pulled = 0
    if amount > 0:
        verdict = submit_sync(Defund(organisation_id, amount, key))
        if error := verdict.body.get("error"):
            log.info("debt_not_pulled", organisation_id=str(organisation_id), code=error["code"])
        else:
            pulled = amount
    collected = transact(lambda: _collect(organisation_id, own, pulled, key, now))
    return collected + debt_capture(organisation_id=organisation_id, now=now)


def _collect(organisation_id: uuid.UUID, own: int, pulled: int, key: str, now: datetime) -> int:
    """Repay, and send back what was pulled for a debt that something else repaid meanwhile.

    `own` is what funding had before: that stays there. Only when funding is used up are earnings touched, so
    that nothing is left over whenever more was collected than both.
    """
    collected = debt_collect(organisation_id=organisation_id, now=now)
    free = available(of_organisation(Kind.FUNDING, organisation_id))
    over = min(pulled, own + pulled - collected, free)
    if over > 0:
        send_to_wallet(organisation_id=organisation_id, amount_nano_usd=over, key=f"{key} back", now=now)
    return collected
