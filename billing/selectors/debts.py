"""Who owes what for disputed payments."""

import uuid

from django.db.models import F, Min, Q, Sum

from billing.ledger.chart import Kind, of_organisation
from billing.models import Balance, Dispute, DisputeTaking, Transfer
from billing.rules.disputes import Claim, still_owed
from billing.selectors.balances import balances


def debt_of(organisation_id: uuid.UUID) -> int:
    """Return what an organisation owes for disputed payments, in nano-USD."""
    account = of_organisation(Kind.DISPUTE_DEBT, organisation_id)
    return -balances([account])[account].posted


def disputed_still_owed(organisation_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Return what is still owed of what each dispute took and the payer did not have, in nano-USD.

    In the order in which the debt arose. What is owed for anything else, as a refund that was made at Stripe,
    counts too, but only the payer pays it.
    """
    account = of_organisation(Kind.DISPUTE_DEBT, organisation_id)
    debits = Transfer.objects.filter(debit_id=account.id).values_list("entry_id", "entry__ref")
    arisen = debits.annotate(amount=Sum("amount"), since=Min("id")).order_by("since")
    disputes = _claims_of_disputes(organisation_id)
    rows = [(ref, disputes.get(ref, Claim(0, amount))) for _, ref, amount, _ in arisen]
    parts = still_owed([claim for _, claim in rows], max(0, debt_of(organisation_id)))
    pairs = zip(rows, parts, strict=True)
    return {uuid.UUID(ref.partition(":")[2]): part for (ref, _), part in pairs if part}


def debtors() -> list[uuid.UUID]:
    """Return the organisations that owe something."""
    owing = Balance.objects.filter(account__kind=Kind.DISPUTE_DEBT.value, posted__lt=0)
    ids = owing.order_by("account_id").values_list("account__organisation_id", flat=True)
    return [organisation_id for organisation_id in ids if organisation_id is not None]


def _claims_of_disputes(organisation_id: uuid.UUID) -> dict[str, Claim]:
    """Return what disputes left as debt and what of it nobody else has paid, by the ref of their entry."""
    rows = Dispute.objects.filter(organisation_id=organisation_id, withdrawn_nano_usd__gt=0).annotate(
        disputed=Sum(
            F("takings__amount_nano_usd") - F("takings__given_back_nano_usd"),
            filter=Q(takings__source=DisputeTaking.Source.DEBT),
            default=0,
        )
    )
    return {
        f"dispute:{row.id}": Claim(row.disputed, row.fee_nano_usd - row.fee_returned_nano_usd) for row in rows
    }
