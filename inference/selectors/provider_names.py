"""Providers by the names that callers know them by."""

import uuid
from collections.abc import Iterable

from core.errors import Code, CuxError
from core.ids import public_id
from inference.models import Provider


def organisations_named(names: Iterable[str], *, param: str) -> list[uuid.UUID]:
    """Return the organisations of the providers of these names or ids, in the order of the names.

    Raises:
        CuxError: INVALID_FIELD, there is no such provider.
    """
    wanted = list(names)
    if not wanted:
        return []
    known: dict[str, list[uuid.UUID]] = {}
    rows = Provider.objects.filter(enrolled_at__isnull=False).order_by("id")
    for provider_id, organisation_id, name in rows.values_list("id", "organisation_id", "name"):
        ids = public_id("provider", provider_id), public_id("organisation", organisation_id)
        for each in (name, *ids):
            known.setdefault(each, []).append(organisation_id)
    for name in wanted:
        if name not in known:
            raise CuxError(Code.INVALID_FIELD, f"There is no provider {name[:80]!r}.", param=param)
    return [organisation_id for name in wanted for organisation_id in known[name]]
