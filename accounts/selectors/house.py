"""The house: CUX itself, which owns the cover wallet."""

import uuid
from functools import lru_cache

from accounts.models import Organisation


@lru_cache(maxsize=1)
def house_id() -> uuid.UUID:
    """Return the house organisation's id.

    Raises:
        Organisation.DoesNotExist: the database was never seeded.
    """
    return Organisation.objects.values_list("id", flat=True).get(is_house=True)
