"""A request waits at the draw limit as long as its caller will, and no longer."""

import asyncio
import time
from typing import Any

import pytest

from api.http import Disconnected, Request
from api.openai import chat
from api.openai.parameters import parse_chat
from core.errors import Code, CuxError

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_wait_s": %s}'


class Wanted:
    def __init__(self, max_wait_s: bytes) -> None:
        self.options = parse_chat(BODY % max_wait_s)


class Line:
    """In place of `start`: refuses so many times."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, refusals: int, code: Code = Code.DRAW_LIMIT
    ) -> None:
        self.asked = 0
        self._refusals, self._code = refusals, code
        monkeypatch.setattr(chat, "start", self)

    def __call__(self, _wanted: Any) -> str:
        self.asked += 1
        if self.asked <= self._refusals:
            raise CuxError(self._code)
        return "started"


def ask(max_wait_s: bytes, *, leaves: bool = False) -> Any:
    async def receive() -> dict[str, Any]:
        if not leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    request = Request({"headers": []}, receive)
    return asyncio.run(chat._started(request, Wanted(max_wait_s)))  # type: ignore[arg-type]


def test_it_is_started_as_soon_as_the_line_is_free(monkeypatch):
    line = Line(monkeypatch, refusals=2)
    assert (ask(b"10"), line.asked) == ("started", 3)


@pytest.mark.parametrize(("max_wait_s", "least_s", "asked"), [(b"0", 0.0, 1), (b"0.3", 0.3, 3)])
def test_it_is_refused_when_the_caller_waits_no_longer(monkeypatch, max_wait_s, least_s, asked):
    line = Line(monkeypatch, refusals=100)
    began = time.monotonic()
    with pytest.raises(CuxError) as refused:
        ask(max_wait_s)
    assert (refused.value.code, line.asked) == (Code.DRAW_LIMIT, asked)
    assert time.monotonic() - began >= least_s


def test_another_refusal_is_told_at_once(monkeypatch):
    line = Line(monkeypatch, refusals=1, code=Code.BUDGET_EXCEEDED)
    with pytest.raises(CuxError):
        ask(b"10")
    assert line.asked == 1


def test_a_caller_who_leaves_the_line_starts_nothing(monkeypatch):
    line = Line(monkeypatch, refusals=1)
    with pytest.raises(Disconnected):
        ask(b"10", leaves=True)
    assert line.asked == 1
