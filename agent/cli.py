"""The command `cux-agent`: enrol a host, check it, measure it, serve with it, look at it, stop it."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agent import cli_host, cli_look
from agent.options import (
    ConfigPath,
    Device,
    EngineApi,
    EnginePython,
    EngineUrl,
    ExchangeUrl,
    Model,
    ModelPath,
    Slots,
    StatePath,
    run_to_end,
    settings,
)
from agent.service import enrol_provider, run_agent, run_bench
from agent.state import State

app = typer.Typer(
    help="Sell this host's inference capacity on a compute-unit exchange.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
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
    found = settings(config, {"exchange": exchange, "name": name, "state": state})
    enrolment = run_to_end(enrol_provider(found, token))
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
    engine_api: EngineApi = None,
    engine_python: EnginePython = None,
    model_path: ModelPath = None,
    device: Device = None,
    config: ConfigPath = None,
) -> None:
    """Serve leases until SIGTERM: then finish what runs and exit."""
    engine = {
        "url": engine_url,
        "api": engine_api,
        "python": engine_python,
        "model_path": model_path,
        "device": device,
    }
    found = settings(config, {"exchange": exchange, "state": state, "model": model, "slots": slots}, engine)
    if token and State(Path(found.state)).enrolment() is None:
        run_to_end(enrol_provider(found, token))
    run_to_end(run_agent(found))


@app.command()
def bench(
    exchange: ExchangeUrl = None,
    state: StatePath = None,
    model: Model = None,
    slots: Slots = None,
    engine_url: EngineUrl = None,
    engine_api: EngineApi = None,
    engine_python: EnginePython = None,
    model_path: ModelPath = None,
    device: Device = None,
    config: ConfigPath = None,
    seconds: Annotated[int, typer.Option(min=1, help="How long to measure.")] = 8,
    report: Annotated[bool, typer.Option(help="Send the result to the exchange.")] = True,
) -> None:
    """Measure this host's capacity, in tokens and µCU per second, and report it."""
    engine = {
        "url": engine_url,
        "api": engine_api,
        "python": engine_python,
        "model_path": model_path,
        "device": device,
    }
    found = settings(config, {"exchange": exchange, "state": state, "model": model, "slots": slots}, engine)
    for measurement in run_to_end(run_bench(found, seconds=seconds, report=report)):
        typer.echo(msgspec.json.encode(measurement).decode())


cli_look.register(app)
cli_host.register(app)


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="cux-agent")
