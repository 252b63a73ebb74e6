"""A real relay process on a free port, that can be killed and started again at the same address."""

import os
import socket
import subprocess
import sys
import time

import httpx

from tests.environment import ROOT


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RelayProcess:
    """The relay as it runs in production: `config.server`, one process."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "config.server", "config.relay:application"]
        command += ["--port", str(self.port)]
        environment = {**os.environ, "CUX_RELAY_URL": self.url}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment)
        self._wait_until_up()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _wait_until_up(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{self.url}/healthz").raise_for_status()
            except httpx.HTTPError:
                assert time.monotonic() < until, "the relay did not start"
                time.sleep(0.02)
            else:
                return
