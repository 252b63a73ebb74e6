"""Try a guard: what it alone refuses is refused with it, and let through without it."""

from typing import Final

import psycopg

from tests.guards.catalogue import Cursor, Guard, Sort
from tests.guards.own import Trial
from tests.guards.trials import trials

NO_RIGHT: Final = "42501"


def fault(cursor: Cursor, guard: Guard) -> str | None:
    """Return what is wrong with a guard, or None if it alone refuses something; nothing stays changed."""
    tried = "no row was found that only it refuses"
    for trial in trials(cursor, guard):
        found = _judged(cursor, guard, trial)
        if found is None:
            return None
        tried = found
    return f"{guard}: {tried} (a trial can be written in tests/guards/own.py)"


def _judged(cursor: Cursor, guard: Guard, trial: Trial) -> str | None:
    cursor.execute("SAVEPOINT guard")
    try:
        for statement in trial.before:
            cursor.execute(statement)
        refusal = _refusal(cursor, trial)
        if not _is_by(guard, refusal):
            return f"with it {refusal or 'nothing is refused'}"
        cursor.execute(guard.removal)
        left = _refusal(cursor, trial)
        if _is_by(guard, left) if guard.sort is Sort.GRANT else left:
            return f"without it {left}"
        return None
    except psycopg.Error as error:
        return f"it cannot be tried: {error}"
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT guard")


def _is_by(guard: Guard, refusal: psycopg.Error | None) -> bool:
    """Tell whether a refusal is of the guard's kind; constraints say their names."""
    if refusal is None or guard.sort is Sort.TRIGGER:
        return refusal is not None
    if guard.sort is Sort.GRANT:
        return refusal.sqlstate == NO_RIGHT
    return refusal.diag.constraint_name == guard.name


def _refusal(cursor: Cursor, trial: Trial) -> psycopg.Error | None:
    cursor.execute("SAVEPOINT trial")
    try:
        for statement in trial.statements:
            cursor.execute(statement)
        return None
    except psycopg.Error as error:
        return error
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT trial")
