"""What every command has: a client, a way to show data, and the options all commands share."""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from cux.cli.explain import as_curl
from cux.client import Client, CuxError
from cux.client.views import Instrument

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""A model's words could otherwise move the cursor, rename the window or worse."""
PIPED_WIDTH = 240
"""Columns of a table that goes to a file or another program: enough that nothing is folded."""


@dataclass(slots=True)
class Session:
    """One run of a command."""

    client: Client
    as_json: bool
    no_color: bool
    _instruments: dict[str, Instrument | None] = field(default_factory=dict)

    def show(self, data: object, table: Callable[[], Table]) -> None:
        """Print data on stdout: as JSON if that was asked for, else as the table."""
        if self.as_json:
            self.line(msgspec.json.format(msgspec.json.encode(data), indent=2))
        else:
            self.table(table())

    def show_line(self, data: object, text: str) -> None:
        """Print data on stdout: as JSON if that was asked for, else as this line."""
        self.line(msgspec.json.encode(data) if self.as_json else text)

    def line(self, text: bytes | str) -> None:
        """Print a line on stdout."""
        self.write(f"{text.decode() if isinstance(text, bytes) else text}\n")

    def write(self, text: str) -> None:
        """Print text on stdout at once as it is; but a terminal is shown no control characters."""
        sys.stdout.write(_CONTROL.sub("", text) if sys.stdout.isatty() else text)
        sys.stdout.flush()

    def write_bytes(self, data: bytes) -> None:
        """Put bytes on stdout exactly as they are."""
        sys.stdout.buffer.write(data)
        sys.stdout.flush()

    def table(self, table: Table) -> None:
        """Print a table on stdout."""
        self.console().print(table)

    def console(self) -> Console:
        """Return stdout as a place for tables."""
        console = Console(no_color=self.no_color or None, highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            console.width = PIPED_WIDTH
        return console

    def say(self, text: str) -> None:
        """Print prose on stderr, for people only: not where JSON was asked for."""
        if not self.as_json:
            typer.echo(text, err=True)

    def instrument(self, symbol: str) -> Instrument | None:
        """Return an instrument to show prices with; None if it cannot be had, since it only decorates."""
        if symbol not in self._instruments:
            try:
                self._instruments[symbol] = self.client.instrument_get(symbol)
            except CuxError:
                self._instruments[symbol] = None
        return self._instruments[symbol]


def grid(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table; a column whose name starts with `>` is aligned to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        justify: Any = "right" if name.startswith(">") else "left"
        table.add_column(name.removeprefix(">"), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def facts(title: str | None, pairs: Sequence[tuple[str, str]]) -> Table:
    """Return a table of names and values."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, value)
    return table


def open_session(
    *, url: str | None, profile: str | None, as_json: bool, explain: bool, no_color: bool
) -> Session:
    """Return the session of a command. Raises ConfigError."""
    tell = (lambda request: typer.echo(as_curl(request), err=True)) if explain else None
    client = Client(url, profile=profile, on_request=tell)
    return Session(client, as_json, no_color)
