"""Audits of answers: what was drawn and found, what a provider is worth, failures and appeals."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Id, Instant, Name

TierName = Literal["L0", "L1", "L2", "L3", "L4"]
Reason = Annotated[str, Meta(min_length=1, max_length=4_000)]


class JobAuditView(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was drawn. `score` is in ppm; `evidence_micro` the e-value after it, in millionths.

    `state` is drawn, done or given_up (`error` says why; it says nothing of the provider).
    """

    audit_id: Id
    job_id: Id
    model: Name
    state: str
    share_ppm: int
    score: dict[str, int | None] | None
    evidence_micro: str | None
    drawn_at: Instant
    done_at: Instant | None
    error: str


class AuditDayView(msgspec.Struct, frozen=True, kw_only=True):
    """The commitment to a day's audits: SHA-256 of the secret, and the secret once the day (UTC) is over."""

    day: str
    commitment: str
    published_at: Instant
    secret: str | None


class ReputationEventView(msgspec.Struct, frozen=True, kw_only=True):
    """A change of what a provider is worth, and the audit that is its evidence."""

    kind: str
    trust_tier: str
    audit_id: Id
    detail: str
    happened_at: Instant


class ReputationView(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider is worth: its tier, with what it means, and how it came to it, newest first."""

    provider_id: Id
    trust_tier: str
    hold_back_ppm: int
    audit_ppm: int
    audits: int
    failures: int
    events: list[ReputationEventView]


class AuditFailureView(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's honesty was refuted, and how its appeal stands.

    `taken` is of its hold-back. Of what the jobs were `charged` as much was `credited` as could be recovered.
    """

    failure_id: Id
    provider_id: Id
    model: Name
    audit_id: Id
    since: Instant
    failed_at: Instant
    jobs: int
    taken_nano_usd: int
    earnings_taken_nano_usd: int
    charged_nano_usd: int
    credited_nano_usd: int
    appeal: str
    appeal_text: str
    decision: str


class NewTier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tier that an operator gives a provider, and why."""

    tier: TierName
    reason: Reason


class NewAppeal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a provider says that it was wronged."""

    text: Reason


class AppealDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator decides on an appeal, and why."""

    upheld: bool
    decision: Reason
