"""Reports of abuse, by either side, and bans."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Id, Instant
from cux.wire.operators import Reason

AbuseReason = Literal["illegal", "harmful", "attack", "wrong_answer", "privacy", "other"]
AbuseState = Literal["open", "dismissed", "upheld"]
BanReach = Literal["everything", "providing"]


class NewAbuseReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report: a provider's of a job, by `lease_id`, or a buyer's of who ran one, by `job_id`; one of both.

    `detail` is read by the exchange's operators alone.
    """

    reason: AbuseReason
    lease_id: Id | None = None
    job_id: Id | None = None
    detail: Annotated[str, Meta(max_length=1_000)] = ""


class AbuseReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report as its author sees it, and what became of it."""

    abuse_report_id: Id
    job_id: Id
    reason: AbuseReason
    detail: str
    state: AbuseState
    reported_at: Instant
    decided_at: Instant | None = None


class OperatorAbuseReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report as operators see it: who reports whom, and who decided."""

    abuse_report_id: Id
    job_id: Id
    reporter_id: Id
    accused_id: Id
    reason: AbuseReason
    detail: str
    state: AbuseState
    reported_at: Instant
    decided_at: Instant | None = None
    decided_by: str | None = None
    note: str = ""


class AbuseDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator decides of a report. Banning the accused is a step of its own."""

    state: Literal["dismissed", "upheld"]
    note: Reason


class NewBan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shut an organisation out: of everything its keys do and all trading, or of providing alone."""

    organisation_id: Id
    reach: BanReach
    reason: Reason


class BanView(msgspec.Struct, frozen=True, kw_only=True):
    """A ban, in force until it is lifted."""

    ban_id: Id
    organisation_id: Id
    reach: BanReach
    reason: str
    banned_by: str
    banned_at: Instant
    lifted_by: str | None = None
    lifted_at: Instant | None = None
