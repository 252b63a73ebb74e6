"""Money in a debtor's wallet repays what it owes for disputed payments."""

import uuid
from datetime import datetime

import structlog

from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import balances
from billing.selectors.debts import debt_of, debtors
from billing.services.debt_capture import debt_capture
from billing.services.debt_collect import debt_collect
from core.ids import new_id
from core.reconcile import for_each
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Defund

log = structlog.get_logger(__name__)


def debts_pull(*, now: datetime) -> int:
    """This function will collect of every debtor what it has, and return from how many it got something."""
    return for_each(debtors(), lambda row: debt_pull(organisation_id=row, now=now), name="debts")


def debt_pull(*, organisation_id: uuid.UUID, now: datetime) -> int:
    """This function will have the sequencer give what is owed out of the wallet back to funding, and repay
    the debt out of funding and earnings, then out of what providers have earned by the disputed payments
    since; return how much was repaid, in nano-USD.

    Level-triggered. Orders keep what they hold; if the wallet was spent meanwhile, the next time takes less.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY; as `debt_collect`.
    """
    wallet = of_organisation(Kind.WALLET, organisation_id)
    amount = min(debt_of(organisation_id), balances([wallet])[wallet].available)
    if amount > 0:
        verdict = submit_sync(Defund(organisation_id, amount, f"debt {new_id()}"))
        if error := verdict.body.get("error"):
            log.info("debt_not_pulled", organisation_id=str(organisation_id), code=error["code"])
    return debt_collect(organisation_id=organisation_id, now=now) + debt_capture(
        organisation_id=organisation_id, now=now
    )
