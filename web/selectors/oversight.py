"""What operators look at: reports of abuse, providers' audits, and failures with their appeals."""

import uuid
from dataclasses import dataclass
from typing import Final

from core.errors import Code, CuxError
from core.ids import public_id
from inference.models import AbuseReport, Audit, AuditFailure, Provider

LATEST: Final = 200


@dataclass(frozen=True, slots=True)
class Reports:
    """Reports in one state, newest first, each with its public id."""

    state: str
    rows: list[tuple[str, AbuseReport]]


@dataclass(frozen=True, slots=True)
class Audits:
    """Audits of one provider or of all, newest first, and the failures; appeals that are open come first."""

    provider: Provider | None
    providers: list[tuple[str, Provider]]
    audits: list[tuple[str, Audit]]
    failures: list[tuple[str, AuditFailure]]


def reports_page(state: str) -> Reports:
    """Return the latest 200 reports in a state. Raises CuxError NOT_FOUND for no state."""
    if state not in AbuseReport.State.values:
        raise CuxError(Code.NOT_FOUND)
    rows = AbuseReport.objects.filter(state=state).select_related("reporter", "accused").order_by("-id")
    return Reports(state, [(public_id("abuse_report", row.id), row) for row in rows[:LATEST]])


def audits_page(provider_id: uuid.UUID | None) -> Audits:
    """Return the latest 200 audits and failures, of one provider if asked. Raises CuxError NOT_FOUND."""
    audits = Audit.objects.select_related("provider").order_by("-id")
    failures = AuditFailure.objects.select_related("provider", "audit").order_by("-failed_at")
    provider = None
    if provider_id is not None:
        provider = Provider.objects.filter(id=provider_id).first()
        if provider is None:
            raise CuxError(Code.NOT_FOUND)
        audits, failures = audits.filter(provider=provider), failures.filter(provider=provider)
    found = sorted(failures[:LATEST], key=lambda row: row.appeal != AuditFailure.Appeal.OPEN)
    return Audits(
        provider=provider,
        providers=[(public_id("provider", row.id), row) for row in Provider.objects.order_by("name")],
        audits=[(public_id("job_audit", row.id), row) for row in audits[:LATEST]],
        failures=[(public_id("failure", row.id), row) for row in found],
    )
