"""The locks that code takes, found in its source: rows `FOR UPDATE`, and advisory locks.

Whoever takes one out changes `listed.txt`, or fails the suite; what the ledger's own locks are for is shown
by taking them out of the functions (`tests/integration/billing/test_locks.py`).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.environment import ROOT
from tests.guards.catalogue import APPS, Cursor, Guard, Sort

_SQL: Final = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b|\bpg_(?:try_)?advisory_(?:xact_)?lock\b")
_FUNCTIONS: Final = """
    SELECT proname, prosrc FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND split_part(proname, '_', 1) = ANY(%s)
"""


def locks(cursor: Cursor) -> set[Guard]:
    """Return every lock that the apps' Python and the database's functions take."""
    files = (path for app in APPS for path in sorted((ROOT / app).rglob("*.py")))
    found = {guard for path in files if "migrations" not in path.parts for guard in _of_file(path)}
    for name, source in cursor.execute(_FUNCTIONS, [list(APPS)]):
        found |= {Guard(name, Sort.LOCK, lock) for lock in _SQL.findall(source)}
    return found


def _of_file(path: Path) -> Iterator[Guard]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for owner in ast.parse(path.read_text()).body:
        count = sum(map(_is_lock, ast.walk(owner)))
        if count:
            yield Guard(module, Sort.LOCK, f"{_name(owner)} × {count}")


def _is_lock(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "select_for_update"
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_SQL.search(node.value))


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return next((target.id for target in targets if isinstance(target, ast.Name)), "module")
