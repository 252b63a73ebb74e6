"""What the commands share: their options, how settings are read, and how a command ends."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from agent.config import Config, ConfigError, load
from agent.daemon import NotWelcomeError
from agent.session import AgentError
from agent.state import StateError

T = TypeVar("T")

PROBLEM = 1
MISUSE = 2
NOT_WELCOME = 3
PIPED_WIDTH = 200

ConfigPath = Annotated[
    Path | None, typer.Option("--config", envvar="CUX_AGENT_CONFIG", help="TOML file with the settings.")
]
ExchangeUrl = Annotated[
    str | None, typer.Option("--exchange", envvar="CUX_AGENT_EXCHANGE", help="Address of the exchange.")
]
StatePath = Annotated[
    str | None, typer.Option("--state", envvar="CUX_AGENT_STATE", help="Directory of this agent's state.")
]
Model = Annotated[
    str | None, typer.Option("--model", envvar="CUX_AGENT_MODEL", help="Model to serve, by its name there.")
]
Slots = Annotated[
    int | None, typer.Option("--slots", envvar="CUX_AGENT_SLOTS", help="Leases served at once.")
]
EngineUrl = Annotated[
    str | None,
    typer.Option("--engine-url", envvar="CUX_AGENT_ENGINE_URL", help="A server that runs already."),
]
EngineApi = Annotated[
    str | None,
    typer.Option(
        "--engine-api", envvar="CUX_AGENT_ENGINE_API", help="What that server is: vllm, llama.cpp or openai."
    ),
]
EnginePython = Annotated[
    str | None,
    typer.Option("--engine-python", envvar="CUX_AGENT_ENGINE_PYTHON", help="The Python that has vLLM."),
]
ModelPath = Annotated[
    str | None,
    typer.Option("--model-path", envvar="CUX_AGENT_MODEL_PATH", help="Directory of the checkpoint."),
]
Device = Annotated[
    str | None, typer.Option("--device", envvar="CUX_AGENT_DEVICE", help="cpu or cuda.", metavar="DEVICE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings(path: Path | None, overrides: dict[str, Any], engine: dict[str, Any] | None = None) -> Config:
    """The configuration that a command works with; ends the command where it can not be used."""
    try:
        return load(path, overrides, engine or {})
    except ConfigError as error:
        fail(str(error), MISUSE)


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; end with a line, not a traceback, where it can not go on."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        return asyncio.run(work)
    except NotWelcomeError as error:
        fail(f"the exchange does not accept this agent any more: {error}", NOT_WELCOME)
    except (AgentError, ConfigError, StateError) as error:
        fail(str(error))


def checked(read: Callable[[], T]) -> T:
    """Read something of the state directory; end the command where it can not be read."""
    try:
        return read()
    except StateError as error:
        fail(str(error))


def fail(message: str, status: int = PROBLEM) -> NoReturn:
    """End the command with a line on stderr."""
    typer.echo(f"cux-agent: {message}", err=True)
    raise typer.Exit(status)


def print_json(data: object) -> None:
    """Print data as indented JSON."""
    typer.echo(msgspec.json.format(msgspec.json.encode(data), indent=2))


def console() -> Console:
    """Stdout as a place for tables."""
    found = Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = PIPED_WIDTH
    return found


def grid(columns: list[str], rows: list[list[str]]) -> Table:
    """A table; a column whose name starts with `>` is aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(
            name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    return table
