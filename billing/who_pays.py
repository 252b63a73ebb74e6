"""Who pays when something fails: the published table, in code. Pure.

`docs/who-pays.md` is written from it (`manage.py who_pays_doc`), and `tests/integration/billing/
test_who_pays.py` makes each case happen through the real services and compares what moved with its row.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

WITHIN_S: Final = 60
"""Within how many seconds of a failure's end a refund is done, without anybody asking for it."""


class Pays(Enum):
    """What somebody pays, or is paid."""

    NOTHING = "nothing"
    DELIVERED = "the tokens that were delivered"
    AVAILABLE = "the compute that was kept available"
    TAKEN_BACK = "what the card's owner takes back"


class Paper(Enum):
    """What is written about it, besides the ledger's entry and the job's own record."""

    NONE = "–"
    RECEIPT = "receipt"
    CREDIT_NOTE = "credit note"
    STATEMENT = "line of the statement"


class Case(Enum):
    """What can fail; the value names it on the page."""

    REJECTED = "The request is refused"
    NOT_STARTED = "No provider has a slot free in time"
    NO_TOKENS = "The provider answers without a token, or fails before its first"
    NOT_DELIVERED = "No provider delivers, and no cover can be bought"
    LEASE_EXPIRED = "The provider does not claim the lease, or goes dark before the first token"
    LATE_RESULT = "The result comes after the lease was taken away"
    PROVIDER_DIED = "The provider dies within the answer"
    CALLER_LEFT_BEFORE = "The caller leaves before the first token"
    CALLER_LEFT = "The caller leaves within the answer"
    OVER_CLAIMED = "The provider claims more tokens than were counted"
    FAILED_VERIFICATION = "The provider's signature does not verify"
    PROVIDER_AWAY = "The provider was away while compute was bought and not used"
    OUR_OUTAGE = "The exchange was away while compute was bought and not used"
    CHARGEBACK = "The card's owner disputes the payment"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what each side pays or is paid, who bears the rest, and on what paper."""

    case: Case
    buyer_pays: Pays
    provider_is_paid: Pays
    borne_by: str
    paper: Paper
    what_happens: str


TABLE: Final = (
    Row(
        Case.REJECTED,
        Pays.NOTHING,
        Pays.NOTHING,
        "nobody",
        Paper.NONE,
        "Refused before anything is reserved: a malformed request, no entitlement, a budget, a limit.",
    ),
    Row(
        Case.NOT_STARTED,
        Pays.NOTHING,
        Pays.NOTHING,
        "nobody",
        Paper.NONE,
        "At the job's deadline the reservation goes back to the entitlement.",
    ),
    Row(
        Case.NO_TOKENS,
        Pays.NOTHING,
        Pays.NOTHING,
        "the failing provider: dearer cover comes from its hold-back, then insurance",
        Paper.NONE,
        "The job moves to another provider, or cover is bought for it; the buyer pays for one answer only.",
    ),
    Row(
        Case.NOT_DELIVERED,
        Pays.NOTHING,
        Pays.NOTHING,
        "the provider, which is not paid",
        Paper.CREDIT_NOTE,
        "Price and fee of the cancelled part go back to the balance.",
    ),
    Row(
        Case.LEASE_EXPIRED,
        Pays.NOTHING,
        Pays.NOTHING,
        "the failing provider, as before its first token",
        Paper.NONE,
        "The lease is taken away after 5 s unclaimed, or 20 s of silence; the job moves on.",
    ),
    Row(
        Case.LATE_RESULT,
        Pays.NOTHING,
        Pays.NOTHING,
        "the provider: its late work is not taken",
        Paper.NONE,
        "Only the live lease of the newest epoch delivers; a late result changes nothing.",
    ),
    Row(
        Case.PROVIDER_DIED,
        Pays.NOTHING,
        Pays.NOTHING,
        "the provider: the tokens that were shown are not paid for",
        Paper.NONE,
        "The job is refunded in full: its whole reservation goes back to the entitlement.",
    ),
    Row(
        Case.CALLER_LEFT_BEFORE,
        Pays.NOTHING,
        Pays.NOTHING,
        "nobody",
        Paper.NONE,
        "The job is stopped and its reservation goes back to the entitlement.",
    ),
    Row(
        Case.CALLER_LEFT,
        Pays.DELIVERED,
        Pays.DELIVERED,
        "nobody",
        Paper.RECEIPT,
        "The provider is told to stop; what it delivered until then is metered and charged.",
    ),
    Row(
        Case.OVER_CLAIMED,
        Pays.NOTHING,
        Pays.NOTHING,
        "the provider, which is not paid",
        Paper.NONE,
        "The provider has to sign the exchange's own count. An answer signed over another is not taken.",
    ),
    Row(
        Case.FAILED_VERIFICATION,
        Pays.NOTHING,
        Pays.NOTHING,
        "the provider, which is not paid",
        Paper.NONE,
        "As for an over-claim. Whether the right model has answered is not verified yet: that comes with "
        "verification, and will be refunded out of the provider's hold-back.",
    ),
    Row(
        Case.PROVIDER_AWAY,
        Pays.NOTHING,
        Pays.NOTHING,
        "the provider: it is paid only for the time in which it was there",
        Paper.STATEMENT,
        "At the window's end the share of the time away goes back to the balance, price and fee.",
    ),
    Row(
        Case.OUR_OUTAGE,
        Pays.NOTHING,
        Pays.AVAILABLE,
        "the house, out of its income",
        Paper.CREDIT_NOTE,
        "No provider loses by an outage of the exchange; what expiry charged for it is credited to the "
        "buyer. Jobs that ran out of time in it are refunded.",
    ),
    Row(
        Case.CHARGEBACK,
        Pays.TAKEN_BACK,
        Pays.DELIVERED,
        "the payer: its balance, then earnings bought with that card that are still held, then a debt",
        Paper.STATEMENT,
        "The bank takes the money when the dispute opens. A provider keeps what is past its risk period; a "
        "dispute that is won gives all of it back to whom it was taken from.",
    ),
)


_NOTES: Final = f"""\
Refunds need no request: they are done within {WITHIN_S} s of the failure's end, by whichever comes first
of the event itself and a look-around every two seconds.

A job is charged when it is settled, never before. One that is refunded was never charged: its
reservation goes back to the entitlement, where it can be used again, and the job's record says why. A
**credit note** is issued wherever money that had been paid goes back to the balance: for compute that
nobody delivered, and for outages of the exchange. Refunds to the card have one too. All are under `GET
/v1/invoices`, with a PDF each.

Stripe keeps its fee on a deposit that is refunded; whoever asks for the refund bears it, and is shown it
before. The fee of a dispute is the payer's debt."""


def page() -> str:
    """Return the table as the page `docs/who-pays.md`."""
    lines = [
        "# Who pays when something fails",
        "",
        "This page is written from `billing/who_pays.py` (`python manage.py who_pays_doc`); a test makes",
        "each case happen and compares what moved with its row.",
        "",
        "| what fails | the buyer pays | the provider is paid | borne by | paper | what happens |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.case.value} | {row.buyer_pays.value} | {row.provider_is_paid.value} | {row.borne_by} "
        f"| {row.paper.value} | {row.what_happens} |"
        for row in TABLE
    ]
    return "\n".join([*lines, "", _NOTES, ""])
