"""Waiting on conditions instead of sleeping."""

import time
from collections.abc import Callable
from pathlib import Path


def eventually(condition: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Return as soon as `condition` is true; fail if it is not within `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not true within {within_s} s"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Say whether `pid` is a process that has not ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
