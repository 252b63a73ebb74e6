"""Take one lock out of the code, for a while: in this process, where the code is already loaded."""

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import CodeType, ModuleType
from typing import Final
from unittest import mock

from django.db import connections

from tests.guards.locks import name_of, taken

_ROWS: Final = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b(?: OF \w+)?(?: SKIP LOCKED| NOWAIT)?")
_TRY: Final = re.compile(r"\bpg_try_advisory_(?:xact_)?lock\b")
_WAIT: Final = re.compile(r"\bpg_advisory_(?:xact_)?lock\b")


def without(lock: str) -> AbstractContextManager[None]:
    """Run code without a lock, named as in `listed.txt`; what was written is there again afterwards."""
    where, _, name = lock.split("  ")
    return _in_python(where, name) if "." in where else written(where, unlocked)


def unlocked(sql: str) -> str:
    """Return SQL that takes no lock; who asks whether a lock was to be had is told that it was."""
    return _WAIT.sub("num_nonnulls", _TRY.sub("0 < num_nonnulls", _ROWS.sub("", sql)))


@contextmanager
def written(function: str, change: Callable[[str], str]) -> Iterator[None]:
    """Have a function of the database written otherwise for a while."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
        (source,) = cursor.fetchone()
    changed = change(source)
    assert changed != source
    _write(changed)
    try:
        yield
    finally:
        _write(source)


def _write(sql: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql.replace("%", "%%"), [])


@contextmanager
def _in_python(module_name: str, name: str) -> Iterator[None]:
    module = importlib.import_module(module_name)
    tree = ast.parse(inspect.getsource(module))
    lock = next(node for owner, node in taken(tree) if owner == name)
    owner = next(statement for statement in tree.body if name_of(statement) == name.partition(" #")[0])
    _Drop(lock).visit(owner)
    if isinstance(owner, ast.FunctionDef):
        function = inspect.unwrap(getattr(module, owner.name))
        before, function.__code__ = function.__code__, _compiled(tree, module, owner.name)
        try:
            yield
        finally:
            function.__code__ = before
    else:
        value = eval(compile(ast.Expression(owner.value), module_name, "eval"), vars(module))  # noqa: S307
        with mock.patch.object(module, name_of(owner), value):
            yield


def _compiled(tree: ast.Module, module: ModuleType, function: str) -> CodeType:
    code = compile(tree, str(module.__file__), "exec", dont_inherit=True)
    return next(one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == function)


class _Drop(ast.NodeTransformer):
    """Drop one lock: a call of `select_for_update`, or words of SQL."""

    def __init__(self, lock: ast.AST) -> None:
        self.lock = lock

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return what the rows are asked of, where this is the lock."""
        if node is self.lock and isinstance(node.func, ast.Attribute):
            return node.func.value
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """Return SQL without the lock, where this is it."""
        if node is self.lock:
            node.value = unlocked(node.value)
        return node
