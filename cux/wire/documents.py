"""What is written down about money: documents, usage, budgets. Amounts are nano-USD, compute µCU."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Count, Id, Instant, Int64

Line = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\Z")]


class BillingProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom tax documents are made out to. `country` is ISO 3166-1, such as `DE`.

    With a `vat_id`, which has to look as that country's do, the buyer counts as a business.
    """

    legal_name: Line
    address_lines: Annotated[list[Line], Meta(min_length=1, max_length=6)]
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
    email: Email
    vat_id: Annotated[str, Meta(max_length=32, pattern=r"^[^\x00]*\Z")] = ""


class BillingProfileView(BillingProfile, frozen=True, kw_only=True):
    """The profile as it is kept: the VAT id without separators."""

    updated_at: Instant


BudgetPeriod = Literal["day", "month"]
"""In UTC."""
GroupBy = Literal["key", "model", "tag", "day"]


class NewBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most that jobs may cost in each day or month: of one key, or of all and of the pages without."""

    window: BudgetPeriod
    limit_nano_usd: Count
    key_id: Id | None = None


class BudgetView(NewBudget, frozen=True, kw_only=True):
    """A budget and its window of now: set aside for running jobs, spent on settled ones, and left."""

    budget_id: Id
    starts_at: Instant
    reserved_nano_usd: Count
    spent_nano_usd: Count
    left_nano_usd: Count


class UsageRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one job used and cost, or all of a group: then only what it is grouped by, and `jobs`, say which.

    `escrow` goes to the provider and `fee` is the exchange's; together they are the charge. `entry_key` names
    the ledger's entry.
    """

    prompt_tokens: Count
    cached_tokens: Count
    output_tokens: Count
    compute_ucu: Count
    escrow_nano_usd: Count
    fee_nano_usd: Count
    charged_nano_usd: Count
    jobs: int | None = None
    day: str | None = None
    key_id: str | None = None
    model: str | None = None
    tag: str | None = None
    settled_at: Instant | None = None
    job_id: str | None = None
    provider_id: str | None = None
    card_hash: str | None = None
    entry_key: str | None = None


class DocumentLineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a document; what was kept of a refund is negative. The card hash is of billed compute."""

    description: str
    detail: str
    card_hash: str
    amount_nano_usd: Int64


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice or a credit note. The lines add up to the net; net and tax to the total.

    `entry_key` names the one entry of the ledger that it is about, `corrects` the document it takes back.
    """

    number: str
    kind: Literal["invoice", "credit_note"]
    reason: Literal[
        "deposit", "refund", "refund_returned", "undelivered", "outage", "goodwill", "verification"
    ]
    issued_at: Instant
    net_nano_usd: Count
    tax_nano_usd: Count
    total_nano_usd: Count
    total_usd: str
    tax_rate_ppm: Count
    tax_note: str
    payment: str
    entry_key: str
    corrects: str | None
    lines: list[DocumentLineView]


class MonthCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What jobs of one model, card, key and tag cost in a month; or compute that expired unused.

    `count` is of jobs, or of entitlements; `escrow` went to providers, `fee` is the exchange's.
    """

    kind: Literal["job", "take_or_pay"]
    model: str
    card_hash: str
    key_id: str | None
    tag: str
    count: Count
    prompt_tokens: Count
    cached_tokens: Count
    output_tokens: Count
    compute_ucu: Count
    escrow_nano_usd: Count
    fee_nano_usd: Count
    charged_nano_usd: Count


class MoneyMoved(msgspec.Struct, frozen=True, kw_only=True):
    """What came in (above zero) or went out by the ledger's entries of one kind."""

    entry_kind: str
    label: str
    amount_nano_usd: Int64


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """A month by when things were booked (UTC): what was charged, and how all of an account's money moved.

    The charges add up to `charged`, opening balance and movements to the closing balance, to the
    nano-dollar. It is final when the month is over.
    """

    month: str
    start: Instant
    end: Instant
    is_final: bool
    charges: list[MonthCharge]
    escrow_nano_usd: Count
    fee_nano_usd: Count
    charged_nano_usd: Count
    opening_nano_usd: Int64
    money: list[MoneyMoved]
    closing_nano_usd: Int64
