"""What the supervisor shows: a status file for programs, a live table or plain lines for people."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from core.supervisor.process import State

_COLOURS = {State.UP: "green", State.DONE: "green", State.FAILED: "red", State.BACKOFF: "red"}


class Shown(Protocol):
    """What is shown of a process."""

    state: State
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

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: dict[str, State] = {}
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def open(self) -> None:
        """Begin to show."""
        if self._console.is_terminal:
            self._live.start()

    def close(self) -> None:
        """Leave the last state on the screen."""
        with contextlib.suppress(OSError):
            self._live.stop()

    def show(self, name: str, children: Mapping[str, Shown]) -> None:
        """Show that the process `name` has changed."""
        with contextlib.suppress(OSError):
            if self._console.is_terminal:
                self._live.update(_table(children), refresh=True)
            else:
                self._print_line(name, children[name])

    def _print_line(self, name: str, child: Shown) -> None:
        if self._printed.get(name) is child.state:
            return
        self._printed[name] = child.state
        details = [child.state.value]
        if child.pid:
            details.append(f"process {child.pid}")
        if child.restarts:
            details.append(f"restart {child.restarts}")
        self._console.print(f"{name}: {', '.join(details)}", highlight=False, markup=False)


def _table(children: Mapping[str, Shown]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("process", "state", "pid", "restarts", "log"):
        table.add_column(heading, justify="right" if heading in ("pid", "restarts") else "left")
    for name, child in children.items():
        colour = _COLOURS.get(child.state, "yellow")
        state = f"[{colour}]{child.state.value}[/]"
        table.add_row(name, state, str(child.pid or ""), str(child.restarts or ""), str(child.log_path))
    return table
