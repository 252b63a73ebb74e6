"""The command `cux-agent`: enrol a host, serve with it, measure it, look at it, drain it."""

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer

from agent.config import Config, ConfigError, load
from agent.daemon import NotWelcomeError
from agent.service import AgentError, enrol_provider, run_agent, run_bench
from agent.state import State, StateError

app = typer.Typer(
    help="Sell this host's inference capacity on a compute-unit exchange.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
T = TypeVar("T")

PROBLEM = 1
MISUSE = 2
NOT_WELCOME = 3
MISSED_HEARTBEATS = 3

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
    typer.Option("--engine-url", envvar="CUX_AGENT_ENGINE_URL", help="A vLLM server that runs already."),
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
Token = Annotated[
    str, typer.Option("--token", envvar="CUX_AGENT_TOKEN", help="The single-use token from the exchange.")
]
OptionalToken = Annotated[
    str | None,
    typer.Option("--token", envvar="CUX_AGENT_TOKEN", help="Enrol with this token first, where needed."),
]


@app.command()
def enrol(
    token: Token,
    exchange: ExchangeUrl = None,
    name: Annotated[str | None, typer.Option("--name", help="This provider's name.")] = None,
    state: StatePath = None,
    config: ConfigPath = None,
) -> None:
    """Join an exchange as a provider. The signing key is made here and never leaves this host."""
    settings = _load(config, {"exchange": exchange, "name": name, "state": state}, {})
    enrolment = _run(enrol_provider(settings, token))
    models = ", ".join(enrolment.response.models) or "none"
    typer.echo(f"enrolled at {enrolment.exchange} as {enrolment.response.provider_id}; models: {models}")


@app.command()
def run(
    token: OptionalToken = None,
    exchange: ExchangeUrl = None,
    state: StatePath = None,
    model: Model = None,
    slots: Slots = None,
    engine_url: EngineUrl = None,
    engine_python: EnginePython = None,
    model_path: ModelPath = None,
    device: Device = None,
    config: ConfigPath = None,
) -> None:
    """Serve leases until SIGTERM: then finish what runs and exit."""
    settings = _load(
        config,
        {"exchange": exchange, "state": state, "model": model, "slots": slots},
        {"url": engine_url, "python": engine_python, "model_path": model_path, "device": device},
    )
    if token and State(Path(settings.state)).enrolment() is None:
        _run(enrol_provider(settings, token))
    _run(run_agent(settings))


@app.command()
def bench(
    exchange: ExchangeUrl = None,
    state: StatePath = None,
    model: Model = None,
    slots: Slots = None,
    engine_url: EngineUrl = None,
    engine_python: EnginePython = None,
    model_path: ModelPath = None,
    device: Device = None,
    config: ConfigPath = None,
    seconds: Annotated[int, typer.Option(min=1, help="How long to measure.")] = 8,
    report: Annotated[bool, typer.Option(help="Send the result to the exchange.")] = True,
) -> None:
    """Measure this host's capacity, in tokens and µCU per second, and report it."""
    settings = _load(
        config,
        {"exchange": exchange, "state": state, "model": model, "slots": slots},
        {"url": engine_url, "python": engine_python, "model_path": model_path, "device": device},
    )
    measurement = _run(run_bench(settings, seconds=seconds, report=report))
    typer.echo(msgspec.json.encode(measurement).decode())


@app.command()
def status(state: StatePath = None, config: ConfigPath = None) -> None:
    """Show the agent's last report; exit 0 if it is in touch with the exchange and its engine is ready."""
    settings = _load(config, {"state": state}, {})
    found = _checked(State(Path(settings.state)).status)
    if found is None:
        _fail(f"no agent has run on {settings.state}")
    silent_s = time.time() - found.heartbeat_at
    healthy = found.engine == "ready" and found.prepared and silent_s <= MISSED_HEARTBEATS * found.heartbeat_s
    typer.echo(json.dumps(msgspec.to_builtins(found) | {"healthy": healthy}, indent=2))
    raise typer.Exit(0 if healthy else PROBLEM)


@app.command()
def drain(state: StatePath = None, config: ConfigPath = None) -> None:
    """Ask the running agent to claim nothing more, finish what runs, and exit."""
    settings = _load(config, {"state": state}, {})
    directory = State(Path(settings.state))
    found = _checked(directory.status)
    try:
        with directory.locked():
            _fail(f"no agent is running on {settings.state}")
    except StateError:
        if found is None:
            _fail("the agent has only just been started; try again")
        os.kill(found.pid, signal.SIGTERM)
        typer.echo(f"draining: {found.running} leases run")


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="cux-agent")


def _load(path: Path | None, overrides: dict[str, Any], engine: dict[str, Any]) -> Config:
    try:
        return load(path, overrides, engine)
    except ConfigError as error:
        _fail(str(error), MISUSE)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; end with a line, not a traceback, where it can not go on."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        return asyncio.run(work)
    except NotWelcomeError as error:
        _fail(f"the exchange does not accept this agent any more: {error}", NOT_WELCOME)
    except (AgentError, ConfigError, StateError) as error:
        _fail(str(error))


def _checked(read: Callable[[], T]) -> T:
    try:
        return read()
    except StateError as error:
        _fail(str(error))


def _fail(message: str, status: int = PROBLEM) -> NoReturn:
    typer.echo(f"cux-agent: {message}", err=True)
    raise typer.Exit(status)
