"""The processes of one whole CUX on one machine, in the order in which they start."""

import os
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from core.embedded.environment import load
from core.embedded.paths import run_directory, var_directory
from core.money import NANO_PER_CENT
from core.supervisor import ready
from core.supervisor.errors import SupervisorError
from core.supervisor.process import Process, Restart
from core.supervisor.servers import server_processes

ROOT = Path(__file__).resolve().parent.parent
PROVIDERS = ("northwind", "southgrid")
LADDER_PROVIDER = "eastpeak"
QUICK: Final = {
    "CUX_CARD_RISK_S": "60",
    "CUX_NEW_CARD_RISK_S": "60",
    "CUX_PAYOUT_MIN_NANO_USD": str(NANO_PER_CENT),
}
"""What the demo does not wait a month for, unless the environment says so: a payout can be tried at once."""
_PORTS = {"CUX_PORT": "8000", "CUX_RELAY_PORT": "8001", "CUX_STRIPE_DOUBLE_PORT": "8002"}


@dataclass(frozen=True)
class Place:
    """Where one CUX lives: its data, and the ports of web, relay and Stripe's double on loopback."""

    var: Path
    port: int
    relay_port: int
    stripe_port: int = 8002

    @classmethod
    def from_environment(cls) -> Self:
        """Return the place that CUX_VAR and the variables of the ports say (var; 8000, 8001, 8002).

        Raises SupervisorError for a port that is none.
        """
        return cls(var_directory(), *(_port(name, default) for name, default in _PORTS.items()))

    @property
    def url(self) -> str:
        """Return where the web process answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return what every process of this CUX must find in its environment."""
        return {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "CUX_VAR": str(self.var),
            "CUX_EXCHANGE_URL": self.url,
            "CUX_RELAY_URL": f"http://127.0.0.1:{self.relay_port}",
            "CUX_STRIPE_DOUBLE_URL": f"http://127.0.0.1:{self.stripe_port}",
            **{name: os.environ.get(name, default) for name, default in QUICK.items()},
        }

    def agent_state(self, provider: str) -> Path:
        """Return the directory of a provider's agent on this machine."""
        return self.var / "agents" / provider

    def refuse_taken_ports(self) -> None:
        """Raise SupervisorError if somebody else listens where one of ours should."""
        for variable, number in zip(_PORTS, (self.port, self.relay_port, self.stripe_port), strict=True):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", number))
                except OSError:
                    raise SupervisorError(
                        f"Port {number} is taken: is a demo running already? "
                        f"Stop what listens there, or set {variable} to another."
                    ) from None


def _port(variable: str, default: str) -> int:
    text = os.environ.get(variable) or default
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise SupervisorError(f"{variable} must be a port, 1 to 65535, and is {text!r}.")
    return int(text)


def all_processes(place: Place) -> list[Process]:
    """Return everything: servers, migration, seed, the exchange's processes and two providers."""
    servers = server_processes(place.var)
    names = [process.name for process in servers]
    own_key = bool(os.environ.get("STRIPE_API_KEY"))
    schedule = str(place.var / "run" / "beat-schedule")
    return [
        *servers,
        _once(place, "migrate", ["migrate", "--database", "owner", "--verbosity", "0"], names),
        _once(place, "seed", ["seed", *([] if own_key else ["--by-card", "ada"])], ["migrate"]),
        _once(place, "leaderboard", ["publish_efficiency"], ["migrate"]),
        _sequencer(place),
        _server(place, "web", "config.asgi:application", place.port, ["sequencer"]),
        _server(place, "relay", "config.relay:application", place.relay_port, ["seed"]),
        _celery(place, "worker", ["worker", "--concurrency", "2", "--without-gossip", "--without-mingle"]),
        _celery(place, "beat", ["beat", "--schedule", schedule]),
        *(_agent(place, name) for name in PROVIDERS),
        *([] if own_key else [_stripe(place)]),
        *([_bots(place)] if os.environ.get("MARKET_MODE") == "test" else []),
    ]


def ladder_agent(place: Place) -> Process:
    """Return the agent that serves the ladder of compute, to be started once all the others are up."""
    return replace(_agent(place, LADDER_PROVIDER), note="loads three vLLM servers, a minute or more")


def _once(place: Place, name: str, arguments: list[str], after: list[str]) -> Process:
    return Process(
        name=name,
        argv=[sys.executable, "manage.py", *arguments],
        env=place.environment,
        cwd=ROOT,
        ready=ready.completed(),
        restart=Restart.NEVER,
        start_after=after,
    )


def _sequencer(place: Place) -> Process:
    return Process(
        name="sequencer",
        argv=[sys.executable, "manage.py", "sequencer"],
        env=place.environment,
        cwd=ROOT,
        ready=ready.unix_socket(run_directory(place.var) / "sequencer.sock"),
        start_after=["seed"],
    )


def _server(place: Place, name: str, application: str, number: int, after: list[str]) -> Process:
    """Return an ASGI server; one worker process, because a second core is the database's."""
    address = ["--host", "127.0.0.1", "--port", str(number)]
    return Process(
        name=name,
        argv=[sys.executable, "-m", "config.server", application, *address],
        env=place.environment,
        cwd=ROOT,
        ready=ready.http_ok(f"http://127.0.0.1:{number}/healthz"),
        start_after=after,
    )


def _celery(place: Place, name: str, arguments: list[str]) -> Process:
    return Process(
        name=name,
        argv=[sys.executable, "-m", "celery", "--app", "config.celery:app", *arguments],
        env=place.environment,
        cwd=ROOT,
        ready=ready.log_line(r"ready\."),
        start_after=["seed"],
    )


def _stripe(place: Place) -> Process:
    """Return the double of Stripe, which stands in while there is no key of one's own."""
    return Process(
        name="stripe",
        argv=[
            *(sys.executable, "-m", "stripe_double", "--port", str(place.stripe_port)),
            *("--webhook-url", f"{place.url}/webhooks/stripe"),
            *("--state", str(place.var / "stripe-double.json")),
        ],
        env={"STRIPE_DOUBLE_SECRET": load(place.var)["STRIPE_DOUBLE_SECRET"]},
        cwd=ROOT,
        ready=ready.http_ok(f"http://127.0.0.1:{place.stripe_port}/healthz"),
    )


def _bots(place: Place) -> Process:
    """Return the house's bots, which a test market has."""
    return Process(
        name="bots",
        argv=[sys.executable, "manage.py", "bots"],
        env=place.environment,
        cwd=ROOT,
        ready=ready.log_line("bots_quoting"),
        start_after=["sequencer", "worker", "beat"],
    )


def _agent(place: Place, name: str) -> Process:
    """Return a provider's agent, which starts and supervises a vLLM server of its own."""
    return Process(
        name=f"agent-{name}",
        argv=[sys.executable, "-m", "config.demo.agent", name],
        env=place.environment,
        cwd=ROOT,
        ready=ready.command(
            [sys.executable, "-m", "agent", "status", "--state", str(place.agent_state(name))]
        ),
        ready_timeout_s=600.0,
        start_after=["web", "relay"],
        grace_s=30.0,
        note="loads vLLM, which takes a minute or so",
    )
