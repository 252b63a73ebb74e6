"""Serve an ASGI application in one thread: `python -m config.server config.asgi:application --port 8000`.

HTTP is read (httptools) and answered on the loop that runs the application. A server that reads it in threads
of its own hands each request over twice, which costs more than the request.
"""

import argparse
import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT: Final = 64 * 1024
"""Bytes of a request's head: the parser itself takes any number."""
HEAD_WITHIN_S: Final = 30.0
KEEP_ALIVE_S: Final = 75
"""How long a connection may wait for its next request: longer than agents and clients pause between two."""
GRACE_S: Final = 5
"""How long requests may take to finish once the server was told to stop; streams are cut off then."""


class Protocol(HttpToolsProtocol):
    """Closes a connection whose request's head is too long, or does not come to its end."""

    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first head its time."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Read; while a head is not complete its bytes count, also behind a request still being answered."""
        within_head = self._head_timer is not None
        super().data_received(data)
        if within_head and self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Give the head its time."""
        self._stop_timer()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Server(uvicorn.Server):
    """Ends with 0 when told to stop, as our supervisor expects."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Finish on SIGTERM and SIGINT, and do not raise them again afterwards."""
        kept = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("application")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    settings: dict[str, Any] = {"loop": "uvloop", "http": Protocol, "ws": "none", "lifespan": "on"}
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False}
    Server(
        uvicorn.Config(
            arguments.application,
            host=arguments.host,
            port=arguments.port,
            proxy_headers=False,  # whom to believe about addresses is `accounts.networks`' to say
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            **settings,
            **quiet,
        )
    ).run()


if __name__ == "__main__":
    main()
