"""Columns of which the planner needs to know nothing, for migrations."""

from collections.abc import Mapping, Sequence

from django.db.migrations import RunSQL


def without_statistics(columns: Mapping[str, Sequence[str]]) -> list[RunSQL]:
    """Return operations that have ANALYZE leave these columns out, by table.

    It reads and sorts 30,000 values of every other column, and the automatic one does so again and again
    where a table grows fast: tenths of a second of a core that orders need. No query chooses rows by these.
    """
    return [
        RunSQL(_set(table, names, target=0), _set(table, names, target=-1))
        for table, names in columns.items()
    ]


def _set(table: str, names: Sequence[str], *, target: int) -> str:
    return f"ALTER TABLE {table} " + ", ".join(
        f"ALTER COLUMN {name} SET STATISTICS {target}" for name in names
    )
