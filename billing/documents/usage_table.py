"""Usage as tables that people take along: CSV and JSON Lines."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from cux.wire.documents import UsageRow

FIGURES: Final = (
    "prompt_tokens",
    "cached_tokens",
    "output_tokens",
    "compute_ucu",
    "escrow_nano_usd",
    "fee_nano_usd",
    "charged_nano_usd",
)
"""The columns of every table."""
OF_JOBS: Final = (
    "settled_at",
    "job_id",
    "key_id",
    "tag",
    "model",
    "card_hash",
    "provider_id",
    "entry_key",
    *FIGURES,
)
"""The columns of a table that has a row for each job."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def usage_csv(rows: Iterable[UsageRow], columns: tuple[str, ...]) -> bytes:
    """Return rows as lines of CSV, without the line of names."""
    return csv_lines([csv_safe(getattr(row, name)) for name in columns] for row in rows)


def usage_jsonl(rows: Iterable[UsageRow]) -> bytes:
    """Return rows as JSON Lines."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    """Return cells as lines of CSV."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def csv_safe(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
