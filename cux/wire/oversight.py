"""What operators do with money by hand, two for each, and the audit log of what was done."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Id, Instant, Positive
from cux.wire.operators import Reason


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` (an API key, `user:<id>`, a command, or `system`) did `action` to `subject`."""

    audit_id: Id
    at: Instant
    actor: str
    action: str
    subject: str
    organisation_id: Id | None = None
    detail: dict[str, Any]


MoneyActionKind = Literal[
    "goodwill",
    "insurance_top_up",
    "debt_write_off",
    "hold_release",
    "payout_release",
    "payout_restore",
    "reversal_credit",
    "reversal_keep",
]
StripeId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]{1,255}\Z")]
Bearer = Literal["fee_income", "insurance"]
"""The house account that a credit or a write-off comes out of."""


class NewMoneyAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proposal. `goodwill` and `debt_write_off` name an organisation, an amount and who bears it,
    `insurance_top_up` an amount, `hold_release` a hold, `payout_release` a blocked payout;
    `reversal_credit` (to the earnings) and `reversal_keep` (to the insurance) a reversed one.
    `payout_restore` names the organisation and the transfer (`tr_…`) of a payout that a restore lost.
    """

    kind: MoneyActionKind
    reason: Reason
    organisation_id: Id | None = None
    amount_nano_usd: Positive | None = None
    source: Bearer | None = None
    hold_id: Id | None = None
    payout_id: Id | None = None
    transfer_id: StripeId | None = None


class MoneyActionView(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal: `proposed`, `approved` (and done) or, after 24 hours, `lapsed`."""

    money_action_id: Id
    kind: MoneyActionKind
    status: Literal["proposed", "approved", "lapsed"]
    organisation_id: Id | None = None
    source: Bearer | None = None
    hold_id: Id | None = None
    payout_id: Id | None = None
    amount_nano_usd: Positive
    reason: str
    proposed_by: Id
    proposed_at: Instant
    approved_by: Id | None = None
    approved_at: Instant | None = None
