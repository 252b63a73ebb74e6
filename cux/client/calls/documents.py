"""What is on paper about the organisation's money. Reading needs the scope `read`, the rest `trade`."""

from collections.abc import Sequence
from typing import Literal

from cux.client.call import Call, get, segment, write
from cux.client.views import Page
from cux.wire.documents import (
    BillingProfile,
    BillingProfileView,
    BudgetPeriod,
    BudgetView,
    DocumentView,
    GroupBy,
    NewBudget,
    StatementView,
    UsageRow,
)


def billing_profile_get() -> Call[BillingProfileView]:
    """Return whom tax documents are made out to. Raises NotFoundError before the first was set."""
    return get("/v1/billing-profile", BillingProfileView)


def billing_profile_set(
    legal_name: str, address_lines: Sequence[str], country: str, email: str, *, vat_id: str = ""
) -> Call[BillingProfileView]:
    """Replace whom tax documents are made out to; those already issued stay as they are.

    `country` is ISO 3166-1, such as `DE`. With a VAT id the organisation counts as a business.
    """
    profile = BillingProfile(
        legal_name=legal_name, address_lines=list(address_lines), country=country, email=email, vat_id=vat_id
    )
    return write("PUT", "/v1/billing-profile", BillingProfileView, body=profile, idempotency_key=None)


def invoice_list(*, page_size: int = 50) -> Call[Page[DocumentView]]:
    """Iterate over invoices and credit notes, newest first; pages are fetched as they are needed."""
    return get("/v1/invoices", Page[DocumentView], limit=page_size)


def invoice_get(number: str) -> Call[DocumentView]:
    """Return one invoice or credit note."""
    return get(f"/v1/invoices/{segment(number)}", DocumentView)


def invoice_pdf(number: str) -> Call[bytes]:
    """Return one invoice or credit note as PDF."""
    return get(f"/v1/invoices/{segment(number)}.pdf", bytes)


def statement_get(month: str) -> Call[StatementView]:
    """Return a month, such as `2026-11`: what was charged, and how all money moved."""
    return get(f"/v1/statements/{segment(month)}", StatementView)


def statement_pdf(month: str) -> Call[bytes]:
    """Return a month's statement as PDF."""
    return get(f"/v1/statements/{segment(month)}.pdf", bytes)


def usage_list(
    *, start: str | None = None, end: str | None = None, group_by: Sequence[GroupBy] = ()
) -> Call[Page[UsageRow]]:
    """Return what jobs used and cost that settled from `start` until before `end`; the last 31 days.

    One row a job, oldest first, or one a group: `group_by=["model", "day"]`.
    """
    return get("/v1/usage", Page[UsageRow], **_span(start, end, group_by))


def usage_export(
    kind: Literal["csv", "jsonl"],
    *,
    start: str | None = None,
    end: str | None = None,
    group_by: Sequence[GroupBy] = (),
) -> Call[bytes]:
    """Return the same as a file, for a spreadsheet or line by line for a program."""
    return get("/v1/usage", bytes, format=kind, **_span(start, end, group_by))


def budget_list() -> Call[Page[BudgetView]]:
    """Return the budgets of the organisation and its keys, with what is left of them."""
    return get("/v1/budgets", Page[BudgetView])


def budget_set(window: BudgetPeriod, limit_nano_usd: int, *, key_id: str | None = None) -> Call[BudgetView]:
    """Set the most that jobs may cost in each day or month (UTC): all of them, or those of one API key."""
    budget = NewBudget(window=window, limit_nano_usd=limit_nano_usd, key_id=key_id)
    return write("PUT", "/v1/budgets", BudgetView, body=budget, idempotency_key=None)


def budget_end(budget_id: str) -> Call[BudgetView]:
    """End a budget; running jobs go on."""
    return write("DELETE", f"/v1/budgets/{segment(budget_id)}", BudgetView, idempotency_key=None)


def _span(start: str | None, end: str | None, group_by: Sequence[GroupBy]) -> dict[str, str | None]:
    return {"from": start, "to": end, "group_by": ",".join(group_by) or None}
