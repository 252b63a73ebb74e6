"""Write down who did what, in the transaction that does it.

Who acts is bound where a request is let in, for its log lines too; what nobody asked for (tasks, events of
Stripe's) the system does.
"""

import uuid
from enum import StrEnum
from typing import Any, Final

import structlog
from django.db import transaction

from core.clock import rfc3339
from core.ids import public_id
from core.models import AuditRecord
from cux.wire.oversight import AuditView

SYSTEM: Final = "system"


class Action(StrEnum):
    """Everything that is written down."""

    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    FACTOR_CONFIRMED = "second_factor.confirmed"
    FACTOR_REMOVED = "second_factor.removed"
    FACTOR_CLOSED = "second_factor.closed"
    PAYEE_LINKED = "payee.link_opened"
    PAYEE_CHANGED = "payee.changed"
    DEPOSIT_RESTORED = "deposit.restored"
    PAYOUT_DECIDED = "payout.decided"
    PAYOUT_BLOCKED = "payout.blocked"
    PAYOUT_REVERSED = "payout.reversed"
    PAYOUT_RESTORED = "payout.restored"
    RELEASE_REQUESTED = "payout.release_requested"
    RELEASE_APPROVED = "payout.release_approved"
    MONEY_PROPOSED = "money_action.proposed"
    MONEY_APPROVED = "money_action.approved"
    MONEY_STOPPED = "money.stopped"
    MONEY_RESUMED = "money.resumed"
    BUST_REQUESTED = "bust.requested"
    BUST_APPROVED = "bust.approved"
    INSTRUMENT_KILLED = "instrument.killed"
    PHASE_SET = "phase.set"
    AUCTION_STARTED = "auction.started"
    ACCOUNT_SET = "account.set"
    FEE_TIER_SET = "fee_tier.set"
    TAX_RATE_SET = "tax_rate.set"
    CONTENT_FORGOTTEN = "content.forgotten"
    ORGANISATION_BANNED = "organisation.banned"
    BAN_LIFTED = "organisation.ban_lifted"
    REPORT_DECIDED = "abuse_report.decided"
    APPEAL_DECIDED = "appeal.decided"
    TIER_SET = "tier.set"


def acting() -> str:
    """Return who acts: the API key or person of the request that is being answered, else the system."""
    bound = structlog.contextvars.get_contextvars()
    if "key_id" in bound:
        return public_id("key", uuid.UUID(bound["key_id"]))
    return str(bound.get("actor", SYSTEM))


def audit_note(
    action: Action,
    subject: str,
    *,
    actor: str | None = None,
    organisation_id: uuid.UUID | None = None,
    **detail: Any,
) -> None:
    """This function will write one record in the caller's transaction; `detail` is JSON, and no secret.

    Raises:
        RuntimeError: there is no transaction, so that it could be noted and not done.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Expected a transaction around audit_note")
    AuditRecord.objects.create(
        actor=(actor or acting())[:80],
        action=action.value,
        subject=subject,
        organisation_id=organisation_id,
        detail=detail,
    )


def audit_list(
    *, limit: int, action: str | None = None, before: uuid.UUID | None = None
) -> list[AuditRecord]:
    """Return records, newest first, older than `before`."""
    records = AuditRecord.objects.order_by("-id")
    if action is not None:
        records = records.filter(action=action)
    if before is not None:
        records = records.filter(id__lt=before)
    return list(records[:limit])


def audit_view(record: AuditRecord) -> AuditView:
    """Return a record as operators see it."""
    who = record.organisation_id
    return AuditView(
        audit_id=public_id("audit", record.id),
        at=rfc3339(record.at),
        actor=record.actor,
        action=record.action,
        subject=record.subject,
        organisation_id=public_id("organisation", who) if who else None,
        detail=record.detail,
    )
