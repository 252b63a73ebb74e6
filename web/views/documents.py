"""Papers: invoices, credit notes and monthly statements as PDF, and whom they are made out to."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Organisation
from billing.documents.files import document_pdf
from billing.documents.statement import statement_pdf
from billing.selectors.billing_profile import billing_profile_find
from billing.selectors.documents import document_get, document_list
from billing.services.billing_profile_set import billing_profile_set
from core.clock import utc_now
from core.errors import CuxError
from web.access import member_only, trader_only
from web.money_forms import ProfileForm
from web.page import page

PAGE = 20
MONTHS = 12


@require_safe
@member_only
def documents(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """List invoices, credit notes and months."""
    start = request.GET.get("before")
    before = document_get(organisation_id=organisation.id, number=start).id if start is not None else None
    rows = document_list(organisation_id=organisation.id, limit=PAGE + 1, before=before)
    context = {
        "documents": rows[:PAGE],
        "older": rows[PAGE - 1].number if rows[PAGE:] else None,
        "is_later": before is not None,
        "months": months(organisation.created_at, utc_now()),
        "profile": billing_profile_find(organisation.id),
        "nav": "wallet",
        "tab": "documents",
    }
    return page(request, "web/documents.html", organisation, context)


@require_safe
@member_only
def document_file(request: HttpRequest, organisation: Organisation, number: str) -> HttpResponse:
    """Give out an invoice or a credit note as PDF."""
    return _pdf(document_pdf(organisation_id=organisation.id, number=number), number)


@require_safe
@member_only
def statement_file(request: HttpRequest, organisation: Organisation, month: str) -> HttpResponse:
    """Give out a month's statement as PDF."""
    rendered = statement_pdf(organisation_id=organisation.id, month=month, now=utc_now())
    return _pdf(rendered, f"statement-{month}")


@require_http_methods(["GET", "HEAD", "POST"])
@trader_only
def profile(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show whom papers are made out to, or say who."""
    if request.method != "POST":
        return _profile_page(request, organisation, ProfileForm(initial=_kept(organisation)))
    form = ProfileForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            billing_profile_set(
                organisation_id=organisation.id,
                legal_name=data["legal_name"],
                address_lines=data["address"],
                country=data["country"],
                vat_id=data["vat_id"],
                email=data["email"],
                now=utc_now(),
            )
        except CuxError as refused:
            form.refuse(refused)
        else:
            messages.success(request, "Saved. Invoices from now on are made out to it.")
            return redirect("web:documents")
    return _profile_page(request, organisation, form, status=422)


def months(since: datetime, now: datetime) -> list[datetime]:
    """Return the first days of the months from one moment to another, the newest first, a year's at most."""
    newest = now.year * 12 + now.month - 1
    oldest = max(since.year * 12 + since.month - 1, newest - MONTHS + 1)
    return [now.replace(year=n // 12, month=n % 12 + 1, day=1) for n in range(newest, oldest - 1, -1)]


def _profile_page(
    request: HttpRequest, organisation: Organisation, form: ProfileForm, *, status: int = 200
) -> HttpResponse:
    context = {"form": form, "nav": "wallet", "tab": "documents"}
    return page(request, "web/profile.html", organisation, context, status=status)


def _kept(organisation: Organisation) -> dict[str, str]:
    kept = billing_profile_find(organisation.id)
    if kept is None:
        return {}
    return {
        "legal_name": kept.legal_name,
        "address": "\n".join(kept.address_lines),
        "country": kept.country,
        "vat_id": kept.vat_id,
        "email": kept.email,
    }


def _pdf(rendered: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return HttpResponse(rendered, content_type="application/pdf", headers=headers)
