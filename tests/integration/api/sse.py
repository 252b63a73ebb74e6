"""Server-sent events for tests: streams opened over HTTP, and what comes on them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx


class Sent(NamedTuple):
    """One event."""

    name: str
    id: str
    data: Any


@contextmanager
def events(
    client: httpx.Client, path: str, headers: dict[str, str] | None = None, **parameters: str
) -> Iterator[Iterator[Sent]]:
    """Open a stream and yield what comes on it."""
    with client.stream("GET", path, headers=headers or {}, params=parameters) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[Sent]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Sent(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}
