"""What an organisation owes for disputed payments is taken out of the money that it has here."""

import uuid
from datetime import datetime

from billing.ledger.chart import Kind, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.rules.disputes import give_back
from billing.selectors.balances import balances
from billing.services.ledger_post import ledger_post
from core.ids import new_id
from core.retry import transact


def debt_collect(*, organisation_id: uuid.UUID, now: datetime) -> int:
    """This function will repay a debt out of funding and of earnings that may be paid out; return how much.

    Level-triggered: it may run at any time, any number of times.

    Raises:
        CuxError: HOLD_NOT_COVERING, INSUFFICIENT_BALANCE: another took or repaid at the same moment; nothing
            moved.
    """
    kinds = (Kind.DISPUTE_DEBT, Kind.FUNDING, Kind.EARNINGS)
    debt, *sources = (of_organisation(kind, organisation_id) for kind in kinds)
    found = balances([debt, *sources])
    parts = give_back(-found[debt].posted, [max(0, found[source].available) for source in sources])
    legs = tuple(Leg(source, debt, part) for source, part in zip(sources, parts, strict=True) if part > 0)
    if not legs:
        return 0
    key = f"debt_repaid:{organisation_id.hex}:collected {new_id()}"
    entry = JournalEntry(key, "debt_repaid", legs, now, ref=str(organisation_id))
    transact(lambda: ledger_post(entries=[entry], now=now))
    return sum(leg.amount for leg in legs)
