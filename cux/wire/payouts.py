"""What is paid out to providers, and what disputed payments took. Amounts are nano-USD."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Id, Instant, Int64
from cux.wire.payments import Url

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d\Z")]
"""A day in UTC."""
PayeeStatus = Literal["onboarding", "restricted", "bank_failed", "active"]
PayoutStatus = Literal[
    "blocked", "decided", "transferred", "paid_out", "paid", "failed", "returned", "reversed", "kept"
]
BlockReason = Literal["same_organisation", "same_card", "same_bank", "same_address", "pass_through"]
DisputeStatus = Literal["inquiry", "inquiry_closed", "open", "won", "lost"]


class NewPayee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell the payment service who is paid and to which bank, or change it: on its own page.

    `country` (ISO 3166-1) is kept from the first time; `return_url` is where that page leads in the end.
    """

    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] = "US"
    return_url: Url | None = None


class HeldBack(msgspec.Struct, frozen=True, kw_only=True):
    """What was held back on a day, and from which day it can be paid out."""

    day: Day
    amount_nano_usd: int
    matures_on: Day


class PayeeView(msgspec.Struct, frozen=True, kw_only=True):
    """To whom earnings are paid out, and what of them can be now.

    `requirements` are what the payment service still wants to know. Of the earnings, `payable` can be paid
    out; `at_risk` was paid by cards whose owners may yet dispute it; `held_back` matures day by day.
    Nothing is paid out while `debt`, for disputed payments, is open. The day's payout is decided from
    `next_payout_at` on if at least `least` is payable.
    """

    status: PayeeStatus
    country: str
    bank_last4: str | None
    requirements: list[str]
    disabled_reason: str | None
    payable_nano_usd: int
    at_risk_nano_usd: int
    held_back: list[HeldBack]
    debt_nano_usd: int
    least_nano_usd: int
    next_payout_at: Instant


class OnboardingView(PayeeView, frozen=True, kw_only=True):
    """The payee with the page to go on at: it can be used once, for a few minutes."""

    onboarding_url: str


class NewPayout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pay out an amount of whole cents now, or all that is payable."""

    amount_nano_usd: Int64 | None = None


class PayoutView(msgspec.Struct, frozen=True, kw_only=True):
    """A payout; `day` is of a scheduled one. A `blocked` one waits for two operators, and nothing moved.

    `decided`: it has left the earnings. `transferred`: it is at the payment service. `paid_out`: on its way
    to the bank. `paid`: it arrived. `failed`: it did not, and is `returned` to the earnings. `reversed`: the
    payment service took it back from the account after the bank was paid, and two operators look at that;
    `kept`: they left it so.
    """

    payout_id: Id
    status: PayoutStatus
    day: Day | None
    amount_nano_usd: int
    block_reason: BlockReason | None
    waiting_for: str | None
    failure_code: str | None
    failure_message: str | None
    created_at: Instant
    arrives_at: Instant | None
    finished_at: Instant | None


class DisputeView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that its cardholder disputes. The bank takes `withdrawn` when it opens one, and a fee.

    `reinstated` came back after it was won. An `inquiry` takes nothing.
    """

    dispute_id: Id
    deposit_id: Id
    status: DisputeStatus
    reason: str
    amount_nano_usd: int
    withdrawn_nano_usd: int
    fee_nano_usd: int
    reinstated_nano_usd: int
    opened_at: Instant
    evidence_due_by: Instant | None


class ReconciliationView(msgspec.Struct, frozen=True, kw_only=True):
    """What comparing the books with Stripe's gave. `breaks` is empty if all agreed.

    `waiting` is what Stripe has beyond the books, or lacks, that is younger than an hour and no break.
    `undone` are moves of transfers that the books do not know and that came back whole.
    `figures` are assets, liabilities and equity by kind of account.
    """

    read_at: Instant
    since: Instant | None
    is_clean: bool
    breaks: list[str]
    undone: list[str]
    stripe_nano_usd: int
    ledger_nano_usd: int
    waiting_nano_usd: int
    movements: int
    figures: dict[str, dict[str, int]]
