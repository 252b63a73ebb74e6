"""Calls of tools in a model's text: how it is told to write them, and how they are read.

The notation is that of Hermes, which Qwen and others were trained on: a call is a JSON object with `name` and
`arguments` between `<tool_call>` and `</tool_call>`. A template that renders tools in this notation does so
itself. Where a template knows of none, they are described in the system turn, in the same notation; how
well the model keeps to it is then its own affair, which `tool_choice` helps by forcing the form of a call.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

CALL_START: Final = "<tool_call>"
CALL_END: Final = "</tool_call>"
_RESULT: Final = "<tool_response>\n{}\n</tool_response>"
_OFFER: Final = """You may call functions. Each is described as JSON between <tools> and </tools>:
<tools>
{}
</tools>
To call one, write its name and arguments as JSON between tags, one pair of tags for each call:
<tool_call>
{{"name": "the function", "arguments": {{"an argument": "its value"}}}}
</tool_call>"""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the model asks for; the arguments are JSON text."""

    name: str
    arguments: str


def call_schema(functions: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the JSON schema of a call of one of these functions (name, schema of its arguments)."""
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": dict(parameters) or {"type": "object"}},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name, parameters in functions
    ]
    return calls[0] if len(calls) == 1 else {"anyOf": calls}


def spelt_out(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the conversation for a template that knows of no tools: offer, calls and results as text."""
    turns = [_turn(message) for message in messages]
    if tools:
        offer = _OFFER.format("\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools))
        if turns and turns[0].get("role") == "system":
            turns[0]["content"] += "\n\n" + offer
        else:
            turns.insert(0, {"role": "system", "content": offer})
    return turns


def with_arguments(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the conversation for a template that knows tools: arguments as values, not as text.

    Raises:
        ValueError: arguments are not JSON.
    """
    turns = []
    for message in messages:
        calls = [
            {"type": "function", "function": {"name": name, "arguments": json.loads(arguments)}}
            for name, arguments in _calls_of(message)
        ]
        turns.append({**message, **({"tool_calls": calls} if calls else {})})
    return turns


class CallReader:
    """Takes calls out of a stream of text. What only looks like a call is text.

    `opened`: the text begins within a call, as its opening tag was put into the model's mouth.
    """

    def __init__(self, *, opened: bool = False) -> None:
        """Start before the first text."""
        self._held = CALL_START if opened else ""
        self._opened = opened

    def add(self, text: str) -> Iterator[str | Call]:
        """Yield text that is no part of a call, and calls as they are complete."""
        self._held += text
        while (at := self._held.find(CALL_START)) >= 0:
            end = self._held.find(CALL_END, at)
            if at:
                yield self._take(at)
                continue
            if end < 0:
                return
            yield _read(self._take(end + len(CALL_END)))
        keep = _beginning_of(CALL_START, self._held)
        if shown := self._take(len(self._held) - keep):
            yield shown

    def flush(self) -> Iterator[str | Call]:
        """Yield what was held: the text ended, so what is no whole call by now is text."""
        if held := self._take(len(self._held)):
            read = _read(held)
            yield held.removeprefix(CALL_START) if self._opened and isinstance(read, str) else read

    def _take(self, size: int) -> str:
        taken, self._held = self._held[:size], self._held[size:]
        return taken


def _read(text: str) -> str | Call:
    """Return the call that the text between tags is, or else the text."""
    inner = text.removeprefix(CALL_START).removesuffix(CALL_END)
    try:
        called = json.loads(inner)
        name, arguments = called["name"], called["arguments"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return text
    if not isinstance(name, str) or not isinstance(arguments, dict) or not text.startswith(CALL_START):
        return text
    return Call(name, json.dumps(arguments, ensure_ascii=False))


def _beginning_of(tag: str, text: str) -> int:
    """Return how many of the last characters may be the beginning of the tag."""
    for size in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-size:]):
            return size
    return 0


def _turn(message: Mapping[str, Any]) -> dict[str, Any]:
    if message.get("role") == "tool":
        return {"role": "user", "content": _RESULT.format(message["content"])}
    if not message.get("tool_calls"):
        return dict(message)
    calls = [
        f'{CALL_START}\n{{"name": {json.dumps(name)}, "arguments": {arguments}}}\n{CALL_END}'
        for name, arguments in _calls_of(message)
    ]
    return {"role": message["role"], "content": "\n".join([*filter(None, [message["content"]]), *calls])}


def _calls_of(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    functions = [call["function"] for call in message.get("tool_calls", [])]
    return [(function["name"], function["arguments"]) for function in functions]
