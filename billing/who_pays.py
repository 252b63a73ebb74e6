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
    UNRECOVERED = "what cannot be recovered"
    PAID_OUT = "what had been paid out before"
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
    PROVIDER_DIED = "The provider dies within the answer, and another one continues it"
    NOT_CONTINUED = "The provider dies within an answer that cannot be continued"
    CALLER_LEFT_BEFORE = "The caller leaves before the first token"
    CALLER_LEFT = "The caller leaves within the answer"
    TIME_UP = "The job's time is up within the answer"
    TOO_LONG = "The provider sends more tokens than were asked for"
    OVER_CLAIMED = "The provider claims more tokens than were counted"
    FAILED_VERIFICATION = "The provider's signature does not verify"
    REFUTED = "Audits refute that the model that was sold has answered"
    PROVIDER_AWAY = "The provider was away while compute was bought and not used"
    OUR_OUTAGE = "The exchange was away while compute was bought and not used"
    PUBLIC_ACCESS = "The caller has no money"
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
        Pays.DELIVERED,
        Pays.DELIVERED,
        "the provider that died: prefilling the answer again is taken off what it is paid",
        Paper.RECEIPT,
        "The stream goes on after the tokens that were delivered, by another entitlement or cover. The bill "
        "is that of one uninterrupted answer; the receipt says what of it each provider is paid.",
    ),
    Row(
        Case.NOT_CONTINUED,
        Pays.NOTHING,
        Pays.NOTHING,
        "the provider: the tokens that were shown are not paid for",
        Paper.NONE,
        "Answers with tools, log probabilities or several choices, and those whose last token has come, but "
        "not the provider's signature. The job is refunded in full: its whole reservation goes back to the "
        "entitlement.",
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
        Case.TIME_UP,
        Pays.DELIVERED,
        Pays.DELIVERED,
        "nobody",
        Paper.RECEIPT,
        "At the job's deadline the provider is told to stop, as if the caller had left; the answer ends with "
        "the finish reason `length` (`abort` in the receipt). Who does not stop within 20 s is not paid, and "
        "the job is refunded; so is one without a token at its deadline.",
    ),
    Row(
        Case.TOO_LONG,
        Pays.NOTHING,
        Pays.NOTHING,
        "the provider, which is not paid",
        Paper.NONE,
        "The upload is refused at the first token too many, and nothing of it is continued elsewhere.",
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
        "As for an over-claim.",
    ),
    Row(
        Case.REFUTED,
        Pays.UNRECOVERED,
        Pays.PAID_OUT,
        "the provider: all its hold-back, then its earnings; insurance up to a cap; the rest the buyers",
        Paper.CREDIT_NOTE,
        "All jobs of the model in the hold-back's period are credited, price and fees, as far as there is "
        "money: by share, and the credit note says what could not be recovered. What credits leave of the "
        "hold-back goes to insurance. An appeal that is upheld gives back what was taken, and the tier.",
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
        "buyer. No job runs out of time in it: deadlines are put off by it, and answers that were served "
        "meanwhile are taken and paid for.",
    ),
    Row(
        Case.PUBLIC_ACCESS,
        Pays.NOTHING,
        Pays.DELIVERED,
        "the public-access pool, as far as it has money",
        Paper.RECEIPT,
        "The pool buys the compute and holds it; a daily allowance and what it has are the bounds. What "
        "comes back when something fails comes back to the pool.",
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
before. The fee of a dispute is the payer's debt.

**Open**: a job whose provider died within the answer and that ends before another one delivered anything
(the caller leaves, its time is up, nobody continues it) is refunded in full, so the tokens that were shown
are not paid for: a receipt needs the signature of a provider that ended the answer."""


_INFERENCE: Final = "tests/integration/inference/"
_COVER: Final = "tests/integration/contract/test_cover.py::"
_TABLE: Final = "tests/integration/billing/test_who_pays.py::test_what_moves_is_what_the_table_says"
PROOFS: Final[dict[Case, tuple[str, ...]]] = {
    Case.REJECTED: (),
    Case.NOT_STARTED: (f"{_INFERENCE}test_moves.py::test_a_queued_job_past_its_deadline_is_refunded",),
    Case.NO_TOKENS: (
        f"{_INFERENCE}test_moves.py::test_an_answer_without_a_token_is_no_delivery",
        f"{_COVER}test_dearer_cover_is_paid_from_shares_then_hold_back_then_insurance",
    ),
    Case.NOT_DELIVERED: (
        f"{_COVER}test_nothing_on_offer_in_time_returns_the_shares_exactly",
        f"{_INFERENCE}test_failover.py::test_where_no_cover_can_be_bought_the_job_is_refunded_and_nobody_paid",
    ),
    Case.LEASE_EXPIRED: (
        f"{_INFERENCE}test_moves.py::test_an_unclaimed_lease_moves_to_the_other_provider",
        f"{_INFERENCE}test_moves.py::test_a_provider_that_goes_dark_before_the_first_token_loses_the_job",
    ),
    Case.LATE_RESULT: (
        f"{_INFERENCE}test_moves.py::test_the_upload_of_an_old_epoch_is_superseded_and_moves_nothing",
    ),
    Case.PROVIDER_DIED: (
        f"{_INFERENCE}test_failover.py::test_another_provider_continues_and_each_is_paid_for_its_own_work",
    ),
    Case.NOT_CONTINUED: (
        f"{_INFERENCE}test_moves.py::test_a_stream_that_breaks_where_it_cannot_be_continued_is_refunded_in_full",
    ),
    Case.CALLER_LEFT_BEFORE: (
        f"{_INFERENCE}test_cancels.py::"
        "test_a_job_canceled_before_its_first_token_is_refunded_and_moves_nowhere",
    ),
    Case.CALLER_LEFT: (
        f"{_INFERENCE}test_cancels.py::"
        "test_a_canceled_job_is_billed_for_exactly_what_was_delivered_until_the_abort",
        f"{_INFERENCE}test_cancels.py::test_a_provider_that_goes_on_when_told_to_stop_is_not_paid",
    ),
    Case.TIME_UP: (
        f"{_INFERENCE}test_moves.py::test_what_came_until_the_deadline_is_an_answer_and_no_fault",
        f"{_INFERENCE}test_moves.py::test_who_does_not_stop_at_the_deadline_is_not_paid_and_at_fault",
    ),
    Case.TOO_LONG: (f"{_INFERENCE}test_relay_refusals.py::test_what_cannot_be_an_answer_fails_the_lease",),
    Case.OVER_CLAIMED: (
        f"{_INFERENCE}test_moves.py::test_an_answer_that_the_provider_did_not_sign_as_counted_is_refunded",
    ),
    Case.FAILED_VERIFICATION: (),
    Case.REFUTED: (
        f"{_INFERENCE}test_audit_failures.py::"
        "test_a_refuted_provider_loses_what_it_was_paid_and_buyers_are_credited",
        f"{_INFERENCE}test_audit_failures.py::"
        "test_an_appeal_is_heard_once_and_upheld_gives_back_what_was_taken",
    ),
    Case.PROVIDER_AWAY: (),
    Case.OUR_OUTAGE: (
        f"{_INFERENCE}test_availability.py::test_the_house_gives_back_what_its_own_outages_cost_the_buyer",
        f"{_INFERENCE}test_outage.py::"
        "test_what_was_served_in_a_quarter_of_an_hour_without_us_is_taken_and_paid",
    ),
    Case.PUBLIC_ACCESS: (
        "tests/integration/api/test_public_access.py::test_the_pool_buys_and_pays_and_the_answer_says_so",
    ),
    Case.CHARGEBACK: (
        "tests/integration/billing/test_who_pays.py::"
        "test_a_chargeback_takes_the_payers_balance_and_then_earnings_that_are_held",
    ),
}
"""Which tests prove a row, beside the one that makes every job's row happen (`BY_ROW`)."""
BY_ROW: Final = frozenset(Case) - {Case.REFUTED, Case.PUBLIC_ACCESS, Case.CHARGEBACK}


def _proofs() -> list[str]:
    lines = ["## Which test proves which row", ""]
    for case in Case:
        tests = ([f"{_TABLE}[{case.name.lower()}]"] if case in BY_ROW else []) + list(PROOFS[case])
        lines += [f"- {case.value}:", *(f"  `{test}`" for test in tests)]
    return lines


def page() -> str:
    """Return the table as the page `docs/who-pays.md`."""
    lines = [
        "# Who pays when something fails",
        "",
        "This page is written from `billing/who_pays.py` (`python manage.py who_pays_doc`); a test makes",
        "each case happen and compares what buyer, providers and house got with its row.",
        "",
        "| what fails | the buyer pays | the provider is paid | borne by | paper | what happens |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.case.value} | {row.buyer_pays.value} | {row.provider_is_paid.value} | {row.borne_by} "
        f"| {row.paper.value} | {row.what_happens} |"
        for row in TABLE
    ]
    return "\n".join([*lines, "", _NOTES, "", *_proofs(), ""])
