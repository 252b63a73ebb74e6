"""A line of a batch's file: one request, as OpenAI's batches have them."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from api.http import parse_json
from api.openai.answers import KindName
from api.openai.parameters import ChatRequest, parse_chat, parse_completion
from api.openai.quoting import Request
from core.errors import Code, CuxError

Endpoint = Literal["/v1/chat/completions", "/v1/completions"]
KIND_OF: Final[dict[str, KindName]] = {"/v1/chat/completions": "chat", "/v1/completions": "text"}
LINES_MAX: Final = 10_000
ERRORS_MAX: Final = 100


class BatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line; `custom_id` is the caller's name for it, once in the file."""

    custom_id: Annotated[str, Meta(min_length=1, max_length=128)]
    method: Literal["POST"]
    url: Endpoint
    body: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Line:
    """A checked line."""

    custom_id: str
    asked: Request


def parse_line(text: bytes, endpoint: str) -> Line:
    """Return a line checked.

    Raises:
        CuxError: as `parse_chat`; UNSUPPORTED_PARAMETER, it asks for what batches have not.
    """
    line = parse_json(text, BatchRequest)
    if line.url != endpoint:
        raise CuxError(Code.INVALID_FIELD, f"The batch is for {endpoint}.", param="url")
    body = bytes(line.body)
    asked = parse_chat(body) if KIND_OF[endpoint] == "chat" else parse_completion(body)
    for param, is_asked in (("stream", asked.stream), ("n", asked.n > 1), ("buy", bool(asked.buy))):
        if is_asked:
            raise CuxError(Code.UNSUPPORTED_PARAMETER, f"`{param}` is not for batches.", param=param)
    if isinstance(asked, ChatRequest) and asked.adaptive is not None:
        raise CuxError(Code.UNSUPPORTED_PARAMETER, "A batch's lines are answered once.", param="quality")
    return Line(line.custom_id, asked)


def read_lines(content: bytes, endpoint: str) -> tuple[list[tuple[int, bytes]], list[dict[str, Any]]]:
    """Return the lines of a file with their numbers, from 1, and what is wrong with them.

    Empty lines are none. The first `ERRORS_MAX` wrong lines are told, with their numbers.
    """
    numbered = [(number, text) for number, text in enumerate(content.split(b"\n"), 1) if text.strip()]
    if not numbered:
        return [], [_error(CuxError(Code.INVALID_FIELD, "The file has no lines.", param="input_file_id"))]
    if len(numbered) > LINES_MAX:
        message = f"A batch has at most {LINES_MAX} lines, and the file has {len(numbered)}."
        return [], [_error(CuxError(Code.TOO_MANY_LINES, message, param="input_file_id"))]
    errors: list[dict[str, Any]] = []
    known: set[str] = set()
    for number, text in numbered:
        try:
            custom_id = parse_line(text, endpoint).custom_id
            if custom_id in known:
                raise CuxError(Code.DUPLICATE_CUSTOM_ID, param="custom_id")
            known.add(custom_id)
        except CuxError as wrong:
            errors.append(_error(wrong, number))
            if len(errors) == ERRORS_MAX:
                break
    return numbered, errors


def _error(wrong: CuxError, line: int | None = None) -> dict[str, Any]:
    return {"code": wrong.code.wire, "message": wrong.message, "param": wrong.param, "line": line}
