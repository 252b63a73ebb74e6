"""Reports of abuse: made by either side of a job, decided by an operator."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.ids import public_id
from inference.models import AbuseReport, Job, Lease

DAILY_MAX: Final = 100
"""Reports of one organisation in 24 hours."""


def abuse_report_of_lease(
    *, provider_organisation_id: uuid.UUID, lease_id: uuid.UUID, reason: str, detail: str, now: datetime
) -> AbuseReport:
    """This function will keep a provider's report of a job that it was given; made before, it stays.

    Raises:
        CuxError: NOT_FOUND, it had no such lease; RATE_LIMITED.
    """
    lease = Lease.objects.select_related("job").filter(id=lease_id).first()
    if lease is None or lease.provider.organisation_id != provider_organisation_id:
        raise CuxError(Code.NOT_FOUND, "You had no such lease.", param="lease_id")
    return _keep(lease.job, provider_organisation_id, lease.job.organisation_id, reason, detail, now)


def abuse_report_of_job(
    *, organisation_id: uuid.UUID, job_id: uuid.UUID, reason: str, detail: str, now: datetime
) -> AbuseReport:
    """This function will keep a buyer's report of the provider that had its job last; made before, it stays.

    Raises:
        CuxError: NOT_FOUND, it has no such job, or no provider had it; RATE_LIMITED.
    """
    leases = Lease.objects.select_related("job", "provider").filter(
        job_id=job_id, job__organisation_id=organisation_id
    )
    lease = leases.order_by("-epoch").first()
    if lease is None:
        raise CuxError(Code.NOT_FOUND, "No provider had such a job of yours.", param="job_id")
    return _keep(lease.job, organisation_id, lease.provider.organisation_id, reason, detail, now)


def _keep(
    job: Job, reporter_id: uuid.UUID, accused_id: uuid.UUID, reason: str, detail: str, now: datetime
) -> AbuseReport:
    lately = AbuseReport.objects.filter(reporter_id=reporter_id, reported_at__gt=now - timedelta(days=1))
    if lately.count() >= DAILY_MAX:
        raise CuxError(Code.RATE_LIMITED, "Too many reports in a day.", retry_after_s=3_600)
    return AbuseReport.objects.get_or_create(
        job=job,
        reporter_id=reporter_id,
        accused_id=accused_id,
        defaults={"reason": reason, "detail": detail},
    )[0]


@transaction.atomic
def abuse_report_decide(
    *, abuse_report_id: uuid.UUID, state: AbuseReport.State, note: str, by: str, now: datetime
) -> AbuseReport:
    """This function will close a report as dismissed or upheld; one that is decided stays so.

    Raises:
        CuxError: NOT_FOUND.
    """
    report = AbuseReport.objects.select_for_update(no_key=True).filter(id=abuse_report_id).first()
    if report is None:
        raise CuxError(Code.NOT_FOUND, "There is no such report.")
    if report.state == AbuseReport.State.OPEN:
        report.state, report.note, report.decided_by, report.decided_at = state, note, by, now
        report.save(update_fields=["state", "note", "decided_by", "decided_at"])
        audit_note(
            Action.REPORT_DECIDED,
            public_id("abuse_report", report.id),
            organisation_id=report.accused_id,
            state=report.state,
            note=note,
        )
    return report
