"""The embedded servers as processes to supervise."""

import sys
from pathlib import Path

from core.embedded.environment import embedded_servers
from core.embedded.server import START_TIMEOUT_S
from core.supervisor import ready
from core.supervisor.process import Process

_GRACE_S = 30.0  # PostgreSQL writes a checkpoint before it ends


def server_processes(var: Path | str | None = None) -> list[Process]:
    """Return `postgres` and `valkey`, without those whose address the environment gives."""
    return [
        Process(
            name=server.name,
            argv=[sys.executable, "-m", "core.embedded", "--var", str(server.var), "run", server.name],
            ready=ready.predicate(server.is_ready),
            ready_timeout_s=START_TIMEOUT_S,
            stop_signal=server.stop_signal,
            grace_s=_GRACE_S,
        )
        for server in embedded_servers(var)
    ]
