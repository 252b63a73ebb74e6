"""What the caller of a job prefers of the providers that may run it."""

from typing import Any, Literal

import msgspec

Sort = Literal["price", "throughput", "latency", ""]


class Preferences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who may run a job, and who should: a caller's `provider` options, kept in `Job.routing`.

    Providers are named as the catalogue shows them: by name, provider id or organisation id.
    """

    order: tuple[str, ...] = ()
    """Try these first, in this order."""
    only: tuple[str, ...] = ()
    """Nobody else may run it; empty: anybody."""
    ignore: tuple[str, ...] = ()
    """These may not run it."""
    max_price_nano_usd_per_cu: int | None = None
    """The most that compute may have cost; None: any price."""
    sort: Sort = ""
    """What to rank by alone; empty: by all factors, weighted."""
    allow_fallbacks: bool = True
    """Whether a provider that is not named in `order` may run it, where `order` names any."""

    def stored(self) -> dict[str, Any]:
        """Return the form kept with the job; what is not asked for is left out."""
        stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return stored

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Preferences":
        """Return the preferences kept with a job. Raises msgspec.ValidationError for anything else."""
        return msgspec.convert(stored, cls)
