"""The HTTP server: what it cuts off, and how it ends."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from tests.environment import ROOT
from tests.integration.api.conftest import free_port
from tests.sequencer_market import make_market
from tests.waiting import eventually

HASTY = "import config.server as s; s.HEAD_WITHIN_S = 0.2; s.GRACE_S = 1; s.main()"
"""The server with little patience."""


@contextmanager
def serving(*command: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    argv = [sys.executable, *command, "config.asgi:application", "--port", str(port)]
    running = subprocess.Popen(argv, cwd=ROOT)
    try:
        eventually(lambda: _answers(port), within_s=30)
        yield running, port
    finally:
        running.kill()
        running.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def answer_to(port: int, *pieces: bytes) -> bytes:
    """Return all that the server sends until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            while received := connection.recv(65_536):
                answer += received
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer


@pytest.mark.usefixtures("servers")
def test_a_head_without_end_is_cut_off_and_a_long_one_is_answered():
    long = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: " + b"a" * 60_000
    with serving("-m", "config.server") as (_, port):
        assert answer_to(port, long, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        assert answer_to(port, long, *[b"a" * 10_000] * 10) == b""
        assert _answers(port)


@pytest.mark.usefixtures("servers")
def test_a_head_that_does_not_come_to_its_end_is_cut_off():
    with serving("-c", HASTY) as (_, port):
        assert answer_to(port, b"GET /healthz HTTP/1.1\r\nHost:") == b""
        assert answer_to(port) == b""
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert [client.get("/healthz").status_code for _ in range(2)] == [200, 200]


def test_a_head_without_end_is_cut_off_behind_a_request_that_is_still_answered(exchange):
    symbol = make_market().instrument.symbol
    stream = f"GET /v1/stream/market/{symbol} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with serving("-m", "config.server") as (_, port):
        answer = answer_to(port, stream, b"GET /healthz HTTP/1.1\r\nX-Long: ", *[b"a" * 100_000] * 10)
        assert answer.count(b"HTTP/1.1 ") <= 1
        assert _answers(port)


def test_a_stream_is_cut_off_when_the_grace_of_a_stop_is_over(exchange):
    symbol = make_market().instrument.symbol
    with serving("-c", HASTY) as (running, port):
        url = f"http://127.0.0.1:{port}/v1/stream/market/{symbol}"
        with httpx.stream("GET", url, timeout=30) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: snapshot"
            running.send_signal(signal.SIGTERM)
            with suppress(httpx.RemoteProtocolError):  # the stream has no end of its own
                assert list(lines)
        assert running.wait(timeout=10) == 0
