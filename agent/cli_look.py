"""`cux-agent doctor`, `status` and `earnings`: what there is to see of this host and its business."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.live import Live

from agent.config import Config
from agent.doctor import examine
from agent.exchange import Exchange
from agent.options import (
    PROBLEM,
    AsJson,
    ConfigPath,
    Device,
    EnginePython,
    EngineUrl,
    ExchangeUrl,
    ModelPath,
    StatePath,
    checked,
    console,
    fail,
    print_json,
    run_to_end,
    settings,
)
from agent.session import AgentError
from agent.state import State, Status
from agent.transport import RefusedError, Transport, TransportError
from agent.views import earnings_view, findings_view, is_healthy, status_view
from cux.wire.agent import Earning

PAGE = 200
WATCH_S = 1.0


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(doctor)
    app.command()(status)
    app.command()(earnings)


def doctor(
    exchange: ExchangeUrl = None,
    state: StatePath = None,
    engine_url: EngineUrl = None,
    engine_python: EnginePython = None,
    model_path: ModelPath = None,
    device: Device = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Check this host before it serves, and say what to do; exit 1 if something keeps it from serving."""
    engine = {"url": engine_url, "python": engine_python, "model_path": model_path, "device": device}
    found = settings(config, {"exchange": exchange, "state": state}, engine)
    findings = asyncio.run(examine(found))
    if as_json:
        print_json(findings)
    else:
        console().print(findings_view(findings))
    raise typer.Exit(PROBLEM if any(one.verdict == "problem" for one in findings) else 0)


def status(
    state: StatePath = None,
    config: ConfigPath = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the agent's last report; exit 0 if it is in touch with the exchange and an engine is ready."""
    directory = State(Path(settings(config, {"state": state}).state))
    found = _report(directory)
    if watch:
        _watch(directory, found)
    elif as_json:
        print_json(msgspec.to_builtins(found) | {"healthy": is_healthy(found, time.time())})
    else:
        console().print(status_view(found))
    raise typer.Exit(0 if is_healthy(found, time.time()) else PROBLEM)


def _report(directory: State) -> Status:
    found = checked(directory.status)
    return found if found is not None else fail(f"no agent has run on {directory.directory}")


def _watch(directory: State, found: Status) -> None:
    try:
        with Live(status_view(found), console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(WATCH_S)
                live.update(status_view(_report(directory)), refresh=True)
    except KeyboardInterrupt:
        return


def earnings(
    state: StatePath = None,
    config: ConfigPath = None,
    why: Annotated[bool, typer.Option("--why", help="Show tokens, compute and price of each.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what each job earned, what of it is held back, and until when."""
    rows = run_to_end(_earnings(settings(config, {"state": state}), limit))
    if as_json:
        print_json(rows)
    else:
        console().print(earnings_view(rows, why=why))


async def _earnings(config: Config, limit: int) -> list[Earning]:
    enrolment = State(Path(config.state)).enrolment()
    if enrolment is None:
        raise AgentError("not enrolled: run `cux-agent enrol` first")
    rows: list[Earning] = []
    before: int | None = None
    url = config.exchange or enrolment.exchange
    try:
        async with Transport(url, token=enrolment.response.api_key) as line:
            while len(rows) < limit:
                page = await Exchange(line).earnings(limit=min(PAGE, limit - len(rows)), before=before)
                rows += page.data
                before = page.next_before
                if before is None:
                    break
    except (TransportError, RefusedError) as error:
        raise AgentError(f"the exchange does not say: {error}") from error
    return rows
