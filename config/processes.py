"""The processes of one whole CUX on one machine, in the order in which they start.

Addresses and ports come from the environment: CUX_PORT and CUX_RELAY_PORT (8000, 8001).
"""

import os
import socket
import sys
from pathlib import Path

from core.embedded.paths import run_directory, var_directory
from core.supervisor import ready
from core.supervisor.errors import SupervisorError
from core.supervisor.process import Process, Restart
from core.supervisor.servers import server_processes

ROOT = Path(__file__).resolve().parent.parent
PROVIDERS = ("northwind", "southgrid")
MODEL = "smollm2-135m-instruct"


def port() -> int:
    """Return the port of the web process."""
    return int(os.environ.get("CUX_PORT", "8000"))


def relay_port() -> int:
    """Return the port of the relay."""
    return int(os.environ.get("CUX_RELAY_PORT", "8001"))


def exchange_url() -> str:
    """Return where the web process answers."""
    return f"http://127.0.0.1:{port()}"


def refuse_taken_ports() -> None:
    """Raise SupervisorError if somebody else listens where web or relay should."""
    for name, variable, number in (("web", "CUX_PORT", port()), ("relay", "CUX_RELAY_PORT", relay_port())):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                raise SupervisorError(
                    f"Port {number} ({name}) is taken. Stop what listens there, or set {variable}."
                ) from None


def all_processes() -> list[Process]:
    """Return everything: servers, migration, seed, the exchange's processes and two providers."""
    servers = server_processes()
    names = [process.name for process in servers]
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CUX_EXCHANGE_URL": exchange_url(),
        "CUX_RELAY_URL": f"http://127.0.0.1:{relay_port()}",
    }
    return [
        *servers,
        _once("migrate", ["migrate", "--database", "owner", "--verbosity", "0"], environment, names),
        _once("seed", ["seed"], environment, ["migrate"]),
        _manage(
            "sequencer",
            ["sequencer"],
            environment,
            ready.unix_socket(run_directory(var_directory()) / "sequencer.sock"),
        ),
        _server("web", "config.asgi:application", port(), environment, ["sequencer"]),
        _server("relay", "api.relay:application", relay_port(), environment, ["seed"]),
        _celery(
            "worker", ["worker", "--concurrency", "2", "--without-gossip", "--without-mingle"], environment
        ),
        _celery("beat", ["beat", "--schedule", str(var_directory() / "run" / "beat-schedule")], environment),
        *(_agent(name) for name in PROVIDERS),
    ]


def _once(name: str, arguments: list[str], environment: dict[str, str], after: list[str]) -> Process:
    return Process(
        name=name,
        argv=[sys.executable, "manage.py", *arguments],
        env=environment,
        cwd=ROOT,
        ready=ready.completed(),
        restart=Restart.NEVER,
        start_after=after,
    )


def _manage(name: str, arguments: list[str], environment: dict[str, str], when: ready.Ready) -> Process:
    return Process(
        name=name,
        argv=[sys.executable, "manage.py", *arguments],
        env=environment,
        cwd=ROOT,
        ready=when,
        start_after=["seed"],
    )


def _server(
    name: str, application: str, number: int, environment: dict[str, str], after: list[str]
) -> Process:
    """Return an ASGI server; one worker process, because a second core is the database's."""
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1"]
    return Process(
        name=name,
        argv=[*command, "--port", str(number), "--workers-kill-timeout", "5", application],
        env=environment,
        cwd=ROOT,
        ready=ready.http_ok(f"http://127.0.0.1:{number}/healthz"),
        start_after=after,
    )


def _celery(name: str, arguments: list[str], environment: dict[str, str]) -> Process:
    return Process(
        name=name,
        argv=[sys.executable, "-m", "celery", "--app", "config.celery:app", *arguments],
        env=environment,
        cwd=ROOT,
        ready=ready.log_line(r"ready\.|beat: Starting"),
        start_after=["seed"],
    )


def _agent(name: str) -> Process:
    """Return a provider's agent, which starts and supervises a vLLM server of its own."""
    state = var_directory() / "agents" / name
    return Process(
        name=f"agent-{name}",
        argv=[sys.executable, "-m", "agent", "run", "--config", str(state / "agent.toml")],
        cwd=ROOT,
        ready=ready.log_line(r"engine.ready"),
        ready_timeout_s=600.0,
        start_after=["web", "relay"],
        grace_s=30.0,
    )
