"""The column that says which transaction wrote a row: what seals and checkpoints of the ledger cut at."""

from typing import Any, Final

from django.db import models
from django.db.models import Func

XID_RANGE: Final[dict[str, Any]] = {"pages_per_range": 32, "autosummarize": True}
"""How the BRIN index on such a column is kept: a few bytes per 256 KiB, brought up to date as pages fill."""


def xid_field() -> "models.BigIntegerField[int, int]":
    """Return the column: the number of the transaction that inserts the row, set by the database."""
    return models.BigIntegerField(
        db_default=Func(function="core_xid", output_field=models.BigIntegerField()), editable=False
    )
