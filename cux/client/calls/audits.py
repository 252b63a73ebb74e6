"""Verification of answers: audits, commitments, reputation, failures, appeals, heads of receipt chains."""

from cux.client.call import Call, get, segment, write
from cux.client.views import Page
from cux.wire.audits import (
    AppealDecision,
    AuditDayView,
    AuditFailureView,
    JobAuditView,
    NewAppeal,
    NewTier,
    ReputationView,
    TierName,
)
from cux.wire.receipt_heads import SignedReceiptHeads


def job_audit_list(*, page_size: int = 50) -> Call[Page[JobAuditView]]:
    """Iterate over the audits of one's own provider, newest first; pages are fetched as they are needed."""
    return get("/v1/audits", Page[JobAuditView], limit=page_size)


def audit_day_list() -> Call[Page[AuditDayView]]:
    """Return the last days' commitments to audits, with the secrets of days that are over."""
    return get("/v1/audits/commitments", Page[AuditDayView])


def reputation_get(provider_id: str) -> Call[ReputationView]:
    """Return what a provider is worth, and each change of it with its evidence."""
    return get(f"/v1/providers/{segment(provider_id)}/reputation", ReputationView)


def audit_failure_list() -> Call[Page[AuditFailureView]]:
    """Return the failures of one's own provider, newest first."""
    return get("/v1/audit-failures", Page[AuditFailureView])


def appeal_open(failure_id: str, text: str, *, idempotency_key: str | None = None) -> Call[AuditFailureView]:
    """Appeal against a failure, once and within thirty days."""
    path = f"/v1/audit-failures/{segment(failure_id)}/appeal"
    body = NewAppeal(text=text)
    return write("POST", path, AuditFailureView, body=body, idempotency_key=idempotency_key)


def operator_audit_failure_list() -> Call[Page[AuditFailureView]]:
    """Return the latest 200 failures of all providers. Needs the scope `operate`."""
    return get("/v1/operator/audit-failures", Page[AuditFailureView])


def appeal_decide(
    failure_id: str, *, upheld: bool, decision: str, idempotency_key: str | None = None
) -> Call[AuditFailureView]:
    """Decide an open appeal; upheld, hold-back and tier come back. Needs the scope `operate`."""
    path = f"/v1/operator/audit-failures/{segment(failure_id)}/decide"
    body = AppealDecision(upheld=upheld, decision=decision)
    return write("POST", path, AuditFailureView, body=body, idempotency_key=idempotency_key)


def receipt_heads_get() -> Call[SignedReceiptHeads]:
    """Return the signed heads of all providers' receipt chains, published every hour."""
    return get("/v1/receipt-heads", SignedReceiptHeads)


def tier_set(
    provider_id: str, tier: TierName, reason: str, *, idempotency_key: str | None = None
) -> Call[ReputationView]:
    """Set a provider's tier, and with it hold-back and audits. Needs the scope `operate`."""
    path = f"/v1/operator/providers/{segment(provider_id)}/tier"
    body = NewTier(tier=tier, reason=reason)
    return write("PUT", path, ReputationView, body=body, idempotency_key=idempotency_key)
