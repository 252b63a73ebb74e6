"""Who owes what for disputed payments."""

import uuid

from billing.ledger.chart import Kind, of_organisation
from billing.models import Balance
from billing.selectors.balances import balances


def debt_of(organisation_id: uuid.UUID) -> int:
    """Return what an organisation owes for disputed payments, in nano-USD."""
    account = of_organisation(Kind.DISPUTE_DEBT, organisation_id)
    return -balances([account])[account].posted


def debtors() -> list[uuid.UUID]:
    """Return the organisations that owe something."""
    owing = Balance.objects.filter(account__kind=Kind.DISPUTE_DEBT.value, posted__lt=0)
    ids = owing.order_by("account_id").values_list("account__organisation_id", flat=True)
    return [organisation_id for organisation_id in ids if organisation_id is not None]
