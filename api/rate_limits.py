"""What answers say about rate limits.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-06: `RateLimit-Limit`, `-Remaining`,
`-Reset` (seconds until the quota is whole again), and `Retry-After` with a refusal.
"""

from typing import Protocol


class Allowance(Protocol):
    """The figures of `core.quotas.Allowance`, wherever they were counted."""

    @property
    def passed(self) -> bool:
        """Return whether the request was within its quota."""

    @property
    def limit(self) -> int:
        """Return the quota."""

    @property
    def remaining(self) -> int:
        """Return what is left of it, in whole units."""

    @property
    def reset_s(self) -> int:
        """Return after how many seconds it is whole again."""

    @property
    def retry_after_s(self) -> int:
        """Return after how many seconds what was refused would pass."""


def allowance_headers(allowance: Allowance | None) -> dict[str, str]:
    """Return the header fields that tell a caller what it may still send; none if nothing was counted."""
    if allowance is None:
        return {}
    headers = {
        "RateLimit-Limit": str(allowance.limit),
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(allowance.reset_s),
    }
    if not allowance.passed:
        headers["Retry-After"] = str(allowance.retry_after_s or allowance.reset_s or 1)
    return headers
