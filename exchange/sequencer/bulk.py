"""Writing many rows by one statement."""

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def bulk(table: str, columns: dict[str, str], suffix: str = "", *, parameter: int = 1) -> str:
    """Return an INSERT of rows that come as one JSON array of objects, the parameter of this number.

    One parameter whatever the number of rows and columns: each array would be read by a function call of its
    own, which for few rows costs more than all the rest.
    """
    names = ", ".join(columns)
    record = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    rows = f"SELECT {names} FROM json_to_recordset(${parameter}::json) AS r ({record})"  # noqa: S608
    return f"INSERT INTO {table} ({names}) {rows} {suffix}"


def bulk_of_columns(
    table: str, columns: dict[str, str], *, parameter: int, moment: str, moment_parameter: int
) -> str:
    """Return an INSERT of rows that come as an array for each column, in parameters from this number on.

    For few columns of long texts. The column `moment` is the same in all rows, and a parameter shared with
    others.
    """
    names = ", ".join(columns)
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(columns.values(), parameter))
    rows = f"SELECT {names}, ${moment_parameter}::timestamptz FROM unnest({arrays}) AS r ({names})"  # noqa: S608
    return f"INSERT INTO {table} ({names}, {moment}) {rows}"


def together(inserts: Sequence[str], query: str) -> str:
    """Return one statement of several inserts (none reads what another writes) and a query.

    Each statement of a pipeline costs its messages and the driver's work, however little it does.
    """
    parts = ", ".join(f"written_{number} AS ({insert})" for number, insert in enumerate(inserts))
    return f"WITH {parts} {query}"
