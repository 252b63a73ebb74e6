"""Pages of operators: reports of abuse and audits, each listed and decided."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Organisation
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from inference.models import AbuseReport
from inference.services.abuse_report import abuse_report_decide
from inference.services.appeal import appeal_decide
from web.access import operator_only
from web.page import page
from web.selectors.oversight import audits_page, reports_page


@require_safe
@operator_only
def reports(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """List reports of abuse in a state, the open ones unless asked."""
    found = reports_page(request.GET.get("state", AbuseReport.State.OPEN))
    states = AbuseReport.State.choices
    context = {"nav": "operators", "tab": "reports", "page": found, "states": states}
    return page(request, "web/operator_reports.html", organisation, context)


@require_POST
@operator_only
def report_decide(request: HttpRequest, organisation: Organisation, abuse_report_id: str) -> HttpResponse:
    """Dismiss or uphold a report; one that was decided stays so."""
    state = request.POST.get("state")
    if state not in (AbuseReport.State.DISMISSED, AbuseReport.State.UPHELD):
        raise CuxError(Code.INVALID_FIELD, param="state")
    report = abuse_report_decide(
        abuse_report_id=_id("abuse_report", abuse_report_id),
        state=AbuseReport.State(state),
        note=request.POST.get("note", "")[:200],
        by=str(request.user)[:80],
        now=utc_now(),
    )
    messages.success(request, f"The report is {report.get_state_display().lower()}.")
    return redirect("web:operator_reports")


@require_safe
@operator_only
def audits(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """List audits and failures with their evidence, of one provider if asked."""
    asked = request.GET.get("provider")
    found = audits_page(_id("provider", asked) if asked else None)
    context = {"nav": "operators", "tab": "audits", "page": found, "asked": asked}
    return page(request, "web/operator_audits.html", organisation, context)


@require_POST
@operator_only
def failure_decide(request: HttpRequest, organisation: Organisation, failure_id: str) -> HttpResponse:
    """Uphold or reject an open appeal, with what it was decided by."""
    verdict, decision = request.POST.get("verdict"), request.POST.get("decision", "").strip()
    if verdict not in ("upheld", "rejected") or not decision:
        messages.error(request, "Say why it is decided so; nothing was decided.")
        return redirect("web:operator_audits")
    try:
        upheld = verdict == "upheld"
        failure_id_ = _id("failure", failure_id)
        appeal_decide(failure_id=failure_id_, upheld=upheld, decision=decision[:2_000], now=utc_now())
        messages.success(request, f"The appeal is {verdict}.")
    except CuxError as refused:
        if refused.code is not Code.APPEAL_NOT_POSSIBLE:
            raise
        messages.error(request, refused.message)
    return redirect("web:operator_audits")


def _id(kind: str, text: str) -> uuid.UUID:
    known = parse_public_id(kind, text)
    if known is None:
        raise CuxError(Code.NOT_FOUND)
    return known
