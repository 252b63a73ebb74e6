"""`cux-agent drain`, `maintenance` and `install-service`: stopping, pausing, and starting with the host."""

import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from agent import systemd
from agent.options import ConfigPath, StatePath, checked, fail, settings
from agent.state import State, StateError

UNIT_PATH = Path("/etc/systemd/system/cux-agent.service")


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(drain)
    app.command()(maintenance)
    app.command(name="install-service")(install_service)


def drain(state: StatePath = None, config: ConfigPath = None) -> None:
    """Ask the running agent to claim nothing more, finish what runs, and exit."""
    directory = State(Path(settings(config, {"state": state}).state))
    pid, running = _running(directory)
    if pid is None:
        fail(f"no agent is running on {directory.directory}")
    os.kill(pid, signal.SIGTERM)
    typer.echo(f"draining: {running} leases run")


def maintenance(
    state: StatePath = None,
    config: ConfigPath = None,
    minutes: Annotated[int | None, typer.Option(min=1, help="End by itself after so long.")] = None,
    off: Annotated[bool, typer.Option("--off", help="End it now.")] = False,
) -> None:
    """Claim and offer nothing while you work on this host; the agent stays, what runs is finished."""
    directory = State(Path(settings(config, {"state": state}).state))
    directory.create()
    if off:
        directory.end_maintenance()
    else:
        directory.begin_maintenance(time.time() + 60 * minutes if minutes else None)
    pid, running = _running(directory)
    if pid is not None:
        os.kill(pid, signal.SIGUSR1)
    how_long = "is over" if off else f"for {minutes} minutes" if minutes else "until --off"
    typer.echo(f"maintenance {how_long}; {running} leases run")


def install_service(
    state: StatePath = None,
    config: ConfigPath = None,
    user: Annotated[str | None, typer.Option(help="Whom it runs as; else who installs it.")] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Print the unit; change nothing.")] = False,
) -> None:
    """Have systemd start the agent with the host and watch over it. Needs root, but for --print."""
    found = settings(config, {"state": state})
    where = Path(found.state).expanduser().resolve()
    command = [sys.executable, "-m", "agent", "run", "--state", str(where)]
    if config is not None:
        command += ["--config", str(config.resolve())]
    text = systemd.unit(
        command=command,
        user=user or os.environ.get("SUDO_USER") or getpass.getuser(),
        state=where,
        directory=Path.cwd(),
        drain_s=found.drain_s,
        has_gpu=any(engine.device == "cuda" for engine in found.engine),
    )
    if print_only:
        typer.echo(text, nl=False)
        return
    if checked(State(where).enrolment) is None:
        fail(f"not enrolled ({where}): run `cux-agent enrol` first, as the user it shall run as")
    try:
        UNIT_PATH.write_text(text)
    except OSError as error:
        fail(f"{UNIT_PATH}: {error.strerror}; run it as root, or use --print")
    if shutil.which("systemctl") is None:
        fail(f"{UNIT_PATH} is written, but there is no systemctl here to start it with")
    for words in (["daemon-reload"], ["enable", "--now", UNIT_PATH.name]):
        if subprocess.run(["systemctl", *words], check=False).returncode:
            fail(f"systemctl {' '.join(words)} failed")
    typer.echo(f"{UNIT_PATH.name} runs; look at it with `cux-agent status --watch`")


def _running(directory: State) -> tuple[int | None, int]:
    """The process of the agent that runs on a directory, if one does, and how many leases it serves."""
    found = checked(directory.status)
    try:
        with directory.locked():
            return None, 0
    except StateError:
        if found is None:
            fail("the agent has only just been started; try again")
        return found.pid, found.running
