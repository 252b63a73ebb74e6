"""The house: CUX itself, which owns the cover wallet; and the public-access pool beside it."""

import uuid
from functools import lru_cache
from typing import Final

from accounts.models import Organisation

PUBLIC_ACCESS_ID: Final = uuid.UUID("0190c0de-0000-7000-8000-000000000001")
"""The organisation in whose name the public-access pool buys and holds compute; a migration makes it."""


@lru_cache(maxsize=1)
def house_id() -> uuid.UUID:
    """Return the house organisation's id.

    Raises:
        Organisation.DoesNotExist: the database was never seeded.
    """
    return Organisation.objects.values_list("id", flat=True).get(is_house=True)
