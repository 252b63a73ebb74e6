"""What one has done and earned: activity, receipts, the provider's page."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Organisation
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from inference.selectors.jobs import receipt_get
from web.access import member_only
from web.page import page
from web.selectors.activity import SHOWS, activity_page
from web.selectors.provider import provider_page
from web.selectors.receipt import receipt_page


@require_safe
@member_only
def activity(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show a page of orders, jobs or money lines."""
    listed = activity_page(
        organisation_id=organisation.id,
        show=request.GET.get("show", "orders"),
        before=request.GET.get("before"),
    )
    context = {"activity": listed, "shows": SHOWS, "nav": "activity", "is_later": "before" in request.GET}
    return page(request, "web/activity.html", organisation, context)


@require_safe
@member_only
def receipt(request: HttpRequest, organisation: Organisation, job_id: str) -> HttpResponse:
    """Show a receipt; with htmx only the panel."""
    found = receipt_page(organisation_id=organisation.id, job_id=_job_id(job_id))
    is_part = request.headers.get("HX-Request")
    template = "web/panels/receipt.html" if is_part else "web/receipt.html"
    return page(request, template, organisation, {"page": found, "nav": "activity"})


@require_safe
@member_only
def receipt_file(request: HttpRequest, organisation: Organisation, job_id: str) -> HttpResponse:
    """Give out a receipt as a file, byte for byte as it was signed."""
    document = receipt_get(organisation_id=organisation.id, job_id=_job_id(job_id))
    response = HttpResponse(document, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="receipt-{job_id}.json"'
    return response


@require_safe
@member_only
def provider(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show a provider its status, rate, earnings and jobs."""
    found = provider_page(organisation_id=organisation.id, now=utc_now())
    return page(request, "web/provider.html", organisation, {"page": found, "nav": "provider"})


def _job_id(text: str) -> uuid.UUID:
    known = parse_public_id("job", text)
    if known is None:
        raise CuxError(Code.UNKNOWN_JOB)
    return known
