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


class Line:
    """What starts a request, and refuses so many times."""

    def __init__(self, *, refusals: int, code: Code = Code.DRAW_LIMIT) -> None:
        self.asked = 0
        self._refusals, self._code = refusals, code

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self._refusals:
            raise CuxError(self._code)
        return "started"


def ask(line: Line, max_wait_s: bytes, *, leaves: bool = False) -> Any:
    async def receive() -> dict[str, Any]:
        if not leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    request = Request({"headers": []}, receive)
    return asyncio.run(chat._started(request, parse_chat(BODY % max_wait_s), line))


def test_it_is_started_as_soon_as_the_line_is_free():
    line = Line(refusals=2)
    assert (ask(line, b"10"), line.asked) == ("started", 3)


@pytest.mark.parametrize(("max_wait_s", "least_s", "asked"), [(b"0", 0.0, 1), (b"0.3", 0.3, 3)])
def test_it_is_refused_when_the_caller_waits_no_longer(max_wait_s, least_s, asked):
    line = Line(refusals=100)
    began = time.monotonic()
    with pytest.raises(CuxError) as refused:
        ask(line, max_wait_s)
    assert (refused.value.code, line.asked) == (Code.DRAW_LIMIT, asked)
    assert time.monotonic() - began >= least_s


def test_another_refusal_is_told_at_once():
    line = Line(refusals=1, code=Code.BUDGET_EXCEEDED)
    with pytest.raises(CuxError):
        ask(line, b"10")
    assert line.asked == 1


def test_a_caller_who_leaves_the_line_starts_nothing():
    line = Line(refusals=1)
    with pytest.raises(Disconnected):
        ask(line, b"10", leaves=True)
    assert line.asked == 1
