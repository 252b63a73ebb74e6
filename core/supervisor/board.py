"""What the supervisor shows: a status file for programs, a live table or plain lines for people."""

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from core.supervisor.process import Process, State

_COLOURS = {State.UP: "green", State.DONE: "green", State.FAILED: "red", State.BACKOFF: "red"}

_COUNTED = (State.STARTING, State.BACKOFF)
"""The states whose seconds are shown."""


class Shown(Protocol):
    """What is shown of a process."""

    process: Process
    state: State
    since: float
    pid: int | None
    guard_pid: int | None
    restarts: int
    log_path: Path


class StatusFile:
    """`<run>/supervisor.json`: who runs under which process id, replaced in one step on every change."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, children: Mapping[str, Shown]) -> None:
        """Write the status of all processes."""
        processes = {
            name: {
                "pid": child.pid,
                "guard_pid": child.guard_pid,
                "state": child.state.value,
                "restarts": child.restarts,
                "log": str(child.log_path),
            }
            for name, child in children.items()
        }
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps({"supervisor_pid": os.getpid(), "processes": processes}, indent=1))
        draft.replace(self.path)

    def remove(self) -> None:
        """Remove the file: nothing is supervised any more."""
        self.path.unlink(missing_ok=True)


class Display:
    """A table that keeps itself up to date on a terminal, one line per change elsewhere.

    The terminal may be closed under us; then nobody looks, and stopping must go on undisturbed.
    """

    def __init__(self, console: Console, log_directory: Path) -> None:
        self._console = console
        self._log_directory = log_directory
        self._printed: dict[str, State] = {}
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def open(self) -> None:
        """Begin to show."""
        with contextlib.suppress(OSError):
            if self._console.is_terminal:
                self._live.start()
            else:
                self._console.print(f"logs: {self._log_directory}", markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the last state on the screen."""
        with contextlib.suppress(OSError):
            self._live.stop()

    def show(self, name: str, children: Mapping[str, Shown]) -> None:
        """Show that the process `name` has changed."""
        with contextlib.suppress(OSError):
            if self._console.is_terminal:
                self._refresh(children)
            else:
                self._print_line(name, children[name])

    def tick(self, children: Mapping[str, Shown]) -> None:
        """Show that time has passed: the table counts how long what is not up yet has been starting."""
        with contextlib.suppress(OSError):
            if self._console.is_terminal and any(child.state in _COUNTED for child in children.values()):
                self._refresh(children)

    def _refresh(self, children: Mapping[str, Shown]) -> None:
        self._live.update(table(children, self._log_directory, now=time.monotonic()), refresh=True)

    def _print_line(self, name: str, child: Shown) -> None:
        if child.state is State.WAITING or self._printed.get(name) is child.state:
            return
        self._printed[name] = child.state
        details = [child.state.value]
        if child.process.note and child.state is State.STARTING:
            details.append(child.process.note)
        if child.pid:
            details.append(f"process {child.pid}")
        if child.restarts:
            details.append(f"restart {child.restarts}")
        self._console.print(f"{name}: {', '.join(details)}", highlight=False, markup=False)


def table(children: Mapping[str, Shown], log_directory: Path, *, now: float) -> Group:
    """Return all processes, one a line, and where their logs are; `now` is of the monotonic clock."""
    rows = Table(box=None, pad_edge=False)
    for heading in ("process", "state", "pid", ""):
        rows.add_column(heading, justify="right" if heading == "pid" else "left", no_wrap=True)
    for name, child in children.items():
        colour = _COLOURS.get(child.state, "yellow")
        details = _details(child, now)
        rows.add_row(name, f"[{colour}]{child.state.value}[/]", str(child.pid or ""), ", ".join(details))
    return Group(rows, Text(f"logs: {log_directory}", style="dim", no_wrap=True, overflow="ellipsis"))


def _details(child: Shown, now: float) -> list[str]:
    details = []
    if child.state in _COUNTED:
        details.append(f"{now - child.since:.0f} s")
    if child.state is State.STARTING and child.process.note:
        details.append(child.process.note)
    if child.restarts:
        details.append(f"restart {child.restarts}")
    return details
