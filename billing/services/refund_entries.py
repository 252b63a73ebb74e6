"""The ledger's entries of refunds."""

from datetime import datetime

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import Refund


def refund_entry(refund: Refund, now: datetime) -> JournalEntry:
    """Return what a refund moved: to the card out of funding and tax, and Stripe's fee out of funding.

    One made at Stripe by an operator is what the organisation owes: nobody asked its balance.
    """
    is_ours = refund.origin == Refund.Origin.CUX
    payer = of_organisation(Kind.FUNDING if is_ours else Kind.DISPUTE_DEBT, refund.organisation_id)
    clearing = of_house(Kind.STRIPE_CLEARING)
    return _entry(
        f"refund:{refund.id}",
        "refund",
        refund,
        now,
        (payer, clearing, refund.amount_nano_usd - refund.fee_nano_usd),
        (payer, of_house(Kind.STRIPE_FEES), refund.fee_nano_usd),
        (of_house(Kind.TAX), clearing, refund.tax_nano_usd),
    )


def return_entry(refund: Refund, now: datetime) -> JournalEntry:
    """Return what comes back when the bank sends a refund back: all of it, to funding."""
    clearing, funding = of_house(Kind.STRIPE_CLEARING), of_organisation(Kind.FUNDING, refund.organisation_id)
    return _entry(
        f"refund_returned:{refund.id}",
        "refund_returned",
        refund,
        now,
        (clearing, funding, refund.amount_nano_usd - refund.fee_nano_usd),
        (of_house(Kind.STRIPE_FEES), funding, refund.fee_nano_usd),
        (clearing, of_house(Kind.TAX), refund.tax_nano_usd),
    )


def _entry(
    key: str, kind: str, refund: Refund, now: datetime, *legs: tuple[AccountRef, AccountRef, int]
) -> JournalEntry:
    moved = tuple(Leg(*leg) for leg in legs if leg[2])
    return JournalEntry(key, kind, moved, event_at=now, ref=str(refund.organisation_id))
