"""Reading Stripe's objects: a field that may be expanded, a time, a list."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Fields = Mapping[str, Any]


def id_of(value: object) -> str | None:
    """Return the id of a reference, which is the id itself, or the object if it was expanded."""
    if isinstance(value, Mapping):
        return str(value["id"])
    return value if isinstance(value, str) else None


def moment(seconds: object) -> datetime | None:
    """Return a Unix time as a moment."""
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


def metadata_of(fields: Fields) -> dict[str, str]:
    """Return the metadata that we gave the object."""
    return dict(fields.get("metadata") or {})


def given(**params: object) -> dict[str, Any]:
    """Return the parameters that are not None."""
    return {name: value for name, value in params.items() if value is not None}
