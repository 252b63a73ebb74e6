"""PostgreSQL and Valkey from Python wheels, so that a fresh machine needs nothing else installed.

with running(var) as settings:      # both servers, for as long as the block runs
    connect(settings["DATABASE_URL"])
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.embedded.environment import embedded_servers, load
from core.embedded.errors import EmbeddedError
from core.embedded.postgres import Postgres
from core.embedded.valkey import Valkey

__all__ = ["EmbeddedError", "Postgres", "Valkey", "running"]


@contextmanager
def running(var_dir: Path | str | None = None) -> Iterator[dict[str, str]]:
    """Start the embedded servers of `var_dir`, yield the settings (`environment.load`), stop them at the end.

    Servers that ran before are left running. Raises EmbeddedError if one cannot be started.
    """
    with ExitStack() as stack:
        for server in embedded_servers(var_dir):
            if not server.is_running():
                stack.callback(server.stop)
            server.start()
        yield load(var_dir)
