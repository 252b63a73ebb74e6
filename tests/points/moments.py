"""Every moment at which a process could die between two effects: it is counted, and one may be fatal.

What has an effect outside of the process goes through few functions: the driver's wait for the server (each
statement, each commit), the sequencer's pipe, Celery's publishing, Stripe's HTTP client. The moment before
such a call and the one after it are counted, whichever thread makes it. A process that dies there ends as
by SIGKILL: `os._exit` runs no handler, flushes nothing, tells nobody.
"""

import functools
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import celery
import psycopg
from stripe import _http_client as stripe_http

from core.pipe import Pipe, Trip

EXIT: Final = 137
_COMMIT: Final = "commit"
_ROOT: Final = Path(__file__).resolve().parents[2]
_OURS: Final = ("accounts", "api", "billing", "core", "exchange", "inference")


class Moments:
    """Counts the moments of this process; dies at the one with the number `fatal` (from 1), if any."""

    def __init__(self, fatal: int = 0, told: Callable[[str], None] = lambda _: None) -> None:
        """Take the number of the fatal moment, and whom to tell where it was before dying."""
        self.passed: list[str] = []
        self._fatal = fatal
        self._told = told
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Count from now on."""
        self._around(psycopg.Connection, "wait", "sql")
        self._around(Pipe, "send", "pipe")
        self._around(Trip, "results", "pipe")
        self._around(celery.Celery, "send_task", "publish")
        self._around(stripe_http.HTTPXClient, "request", "stripe")
        self._around(stripe_http.RequestsClient, "request", "stripe")

    def _around(self, owner: Any, name: str, what: str) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def watched(*arguments: Any, **fields: Any) -> Any:
            does = f"{_COMMIT if _is_commit(arguments) else what} of {_place()}"
            self._pass(f"before {does}")
            try:
                return original(*arguments, **fields)
            finally:
                self._pass(f"after {does}")

        setattr(owner, name, watched)

    def _pass(self, moment: str) -> None:
        with self._lock:
            self.passed.append(moment)
            if len(self.passed) == self._fatal:
                self._told(moment)
                os._exit(EXIT)


def _is_commit(arguments: tuple[Any, ...]) -> bool:
    """Tell whether the driver waits for a commit: what it waits for is a generator that says what it does."""
    return "commit" in getattr(arguments[-1], "__qualname__", "")


def _place() -> str:
    """Return the innermost module of ours that is at work, and its line."""
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(str(_ROOT)):
            name = path.removeprefix(f"{_ROOT}/")
            if name.split("/", 1)[0] in _OURS:
                return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return "a library"
