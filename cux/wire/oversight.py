"""What operators read of what was done: the audit log."""

from typing import Any

import msgspec

from cux.wire.fields import Id, Instant


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` (an API key, `user:<id>`, a command, or `system`) did `action` to `subject`."""

    audit_id: Id
    at: Instant
    actor: str
    action: str
    subject: str
    organisation_id: Id | None = None
    detail: dict[str, Any]
