"""What jobs used and cost, to look at and to take along; budgets that hold it within limits."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.models import ApiKey, Organisation
from billing.documents.statement import month_start
from billing.documents.usage_table import OF_JOBS, csv_lines, usage_csv, usage_jsonl
from billing.rules.windows import next_month
from billing.selectors.budgets import budget_list
from billing.selectors.usage import GROUPS, Span, usage_after, usage_grouped
from billing.services.budget_set import budget_end, budget_set
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id, public_id
from core.threads import in_thread
from web.access import member_only, trader_only
from web.money_forms import BudgetForm
from web.page import page
from web.views.documents import months

_TYPES: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


@require_safe
@member_only
def usage(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show a month's usage by model, key, tag or day, and the budgets."""
    return _page(request, organisation, BudgetForm(keys=_keys(organisation)))


@require_safe
@member_only
def usage_file(request: HttpRequest, organisation: Organisation, month: str, kind: str) -> HttpResponse:
    """Give out a month's usage, a row for each job."""
    if kind not in _TYPES:
        raise CuxError(Code.NOT_FOUND)
    span = _span(organisation, month)
    response = StreamingHttpResponse(_rows(span, kind), content_type=_TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="usage-{month}.{kind}"'
    return response  # type: ignore[return-value]  # a response it is, to Django


@require_POST
@trader_only
def budget(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Set a budget, or the limit of one that is there."""
    form = BudgetForm(request.POST, keys=_keys(organisation))
    if form.is_valid():
        data = form.cleaned_data
        try:
            budget_set(
                organisation_id=organisation.id,
                api_key_id=parse_public_id("key", data["key_id"]) if data["key_id"] else None,
                window=data["window"],
                limit_nano_usd=data["limit"],
                now=utc_now(),
            )
        except CuxError as refused:
            form.refuse(refused)
        else:
            messages.success(request, "The budget counts from now on.")
            return redirect("web:usage")
    return _page(request, organisation, form, status=422)


@require_POST
@trader_only
def end_budget(request: HttpRequest, organisation: Organisation, budget_id: str) -> HttpResponse:
    """End a budget."""
    known: uuid.UUID | None = parse_public_id("budget", budget_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND)
    budget_end(organisation_id=organisation.id, budget_id=known, now=utc_now())
    messages.success(request, "The budget has ended.")
    return redirect("web:usage")


def _page(
    request: HttpRequest, organisation: Organisation, form: BudgetForm, *, status: int = 200
) -> HttpResponse:
    now = utc_now()
    month = request.GET.get("month", f"{now:%Y-%m}")
    by = request.GET.get("by", "model")
    if by not in GROUPS:
        raise CuxError(Code.NOT_FOUND)
    names = dict(_keys(organisation))
    rows = usage_grouped(_span(organisation, month), [by])
    context = {
        "rows": [
            (names.get(row.key_id or "", "the pages") if by == "key" else getattr(row, by), row)
            for row in rows
        ],
        "charged": sum(row.charged_nano_usd for row in rows),
        "by": by,
        "groups": list(GROUPS),
        "month": month,
        "months": months(organisation.created_at, now),
        "budgets": [
            (public_id("budget", row.budget.id), _whose(row.budget.api_key_id, names), row)
            for row in budget_list(organisation_id=organisation.id, now=now)
        ],
        "form": form,
        "nav": "wallet",
        "tab": "usage",
    }
    return page(request, "web/usage.html", organisation, context, status=status)


def _keys(organisation: Organisation) -> list[tuple[str, str]]:
    """Return the organisation's API keys as (id, name), the newest first."""
    keys = ApiKey.objects.filter(organisation=organisation).order_by("-created_at")
    return [(public_id("key", key.id), key.name) for key in keys]


def _whose(api_key_id: uuid.UUID | None, names: dict[str, str]) -> str:
    if api_key_id is None:
        return "all jobs"
    return f"key “{names[public_id('key', api_key_id)]}”"


def _span(organisation: Organisation, month: str) -> Span:
    start = month_start(month, utc_now())
    return Span(organisation.id, start, next_month(start))


async def _rows(span: Span, kind: str) -> AsyncIterator[bytes]:
    if kind == "csv":
        yield csv_lines([OF_JOBS])
    place: tuple[datetime, int] | None = (span.start, 0)
    while place is not None:
        rows, place = await in_thread(usage_after, span, place)
        yield usage_csv(rows, OF_JOBS) if kind == "csv" else usage_jsonl(rows)
