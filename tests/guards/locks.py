"""The locks that code takes, found in its source: rows `FOR UPDATE`, and advisory locks.

Each has a test that fails without it (`races.py`); `removal.py` takes one out.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.environment import ROOT
from tests.guards.catalogue import APPS, Cursor, Guard, Sort

SQL: Final = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b|\bpg_(?:try_)?advisory_(?:xact_)?lock\b")
_FUNCTIONS: Final = """
    SELECT proname, prosrc FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND split_part(proname, '_', 1) = ANY(%s)
"""


def locks(cursor: Cursor) -> set[Guard]:
    """Return every lock that the apps' Python and the database's functions take."""
    files = (path for app in APPS for path in sorted((ROOT / app).rglob("*.py")))
    found = {guard for path in files if "migrations" not in path.parts for guard in _of_file(path)}
    for name, source in cursor.execute(_FUNCTIONS, [list(APPS)]):
        found |= {Guard(name, Sort.LOCK, lock) for lock in SQL.findall(source)}
    return found


def _of_file(path: Path) -> Iterator[Guard]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for owner, _ in taken(ast.parse(path.read_text())):
        yield Guard(module, Sort.LOCK, owner)


def taken(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the locks of a module: what takes it (`name`, the second one of it `name #2`), and where."""
    for statement in tree.body:
        found = filter(_is_lock, ast.walk(statement))
        for place, node in enumerate(found, start=1):
            yield name_of(statement) + (f" #{place}" if place > 1 else ""), node


def name_of(statement: ast.stmt) -> str:
    """Return what a statement of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return next((target.id for target in targets if isinstance(target, ast.Name)), "module")


def _is_lock(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "select_for_update"
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(SQL.search(node.value))
