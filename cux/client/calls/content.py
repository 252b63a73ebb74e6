"""Prompts and answers that are kept, and reports of abuse."""

from cux.client.call import Call, get, write
from cux.client.views import Page
from cux.wire.abuse import AbuseReason, AbuseReportView, NewAbuseReport
from cux.wire.content import ForgetContent, ForgottenView


def content_forget(confirm: str) -> Call[ForgottenView]:
    """Erase all prompts and answers of the organisation for good; `confirm` is its name, spelt as it is."""
    body = ForgetContent(confirm=confirm)
    return write("POST", "/v1/content/forget", ForgottenView, body=body, idempotency_key=None)


def abuse_report_list() -> Call[Page[AbuseReportView]]:
    """Return the organisation's latest 200 reports, newest first."""
    return get("/v1/abuse-reports", Page[AbuseReportView])


def abuse_report_create(
    reason: AbuseReason, *, lease_id: str | None = None, job_id: str | None = None, detail: str = ""
) -> Call[AbuseReportView]:
    """Report a job that you were given as a provider (`lease_id`), or who ran a job of yours (`job_id`)."""
    body = NewAbuseReport(reason=reason, lease_id=lease_id, job_id=job_id, detail=detail)
    return write("POST", "/v1/abuse-reports", AbuseReportView, body=body, idempotency_key=None)
