"""Ways to tell that a process is ready. Each returns a check for `Process(ready=…)`."""

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from core.supervisor.process import Ready, Run

_ANSWER_TIMEOUT_S = 5.0


def http_ok(url: str) -> Ready:
    """Ready when GET `url` (plain http) answers 200."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()

    async def check(_run: Run) -> bool:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                await writer.drain()
                return (await reader.readline()).split(b" ")[1:2] == [b"200"]
            finally:
                writer.close()

    return check


def unix_socket(path: Path) -> Ready:
    """Ready when somebody listens on the unix socket `path`."""

    async def check(_run: Run) -> bool:
        _reader, writer = await asyncio.open_unix_connection(str(path))
        writer.close()
        return True

    return check


def command(argv: Sequence[str]) -> Ready:
    """Ready when `argv` exits with 0."""

    async def check(_run: Run) -> bool:
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*argv, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            return await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()

    return check


def predicate(condition: Callable[[], bool]) -> Ready:
    """Ready when `condition`, called in a thread, is true."""

    async def check(_run: Run) -> bool:
        return await asyncio.to_thread(condition)

    return check


def log_line(pattern: str) -> Ready:
    """Ready when a line of this run's log matches `pattern` (regular expression, searched)."""
    wanted = re.compile(pattern)

    async def check(run: Run) -> bool:
        with run.log_path.open(errors="replace") as log:
            log.seek(run.log_offset)
            return any(wanted.search(line) for line in log)

    return check


def completed() -> Ready:
    """Ready when it has ended with 0, never before: for a task with Restart.ON_FAILURE or NEVER."""

    async def check(_run: Run) -> bool:
        return False

    return check
