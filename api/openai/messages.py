"""The turns of a conversation as OpenAI's clients send them, and as chat templates know them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

FunctionName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]


class TextPart(msgspec.Struct, frozen=True, tag_field="type", tag="text", forbid_unknown_fields=True):
    """A piece of a message: text is all that models here read."""

    text: str


class CalledFunction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which function was called, and its arguments as JSON text."""

    name: FunctionName
    arguments: str


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call that the model asked for in an earlier answer."""

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn of the conversation. Only an assistant's has calls, only a tool's answers one."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    tool_calls: list[ToolCall] = []
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """Return the content as one text."""
        if self.content is None:
            return ""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)

    def for_template(self) -> dict[str, Any]:
        """Return the turn as chat templates know it: plain text, `developer` is `system`."""
        turn: dict[str, Any] = {
            "role": "system" if self.role == "developer" else self.role,
            "content": self.text,
        }
        if self.tool_calls:
            turn["tool_calls"] = [
                {
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
                for call in self.tool_calls
            ]
        return turn


class Function(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that the model may call; `parameters` is a JSON schema.

    `strict` holds where a call is forced (`tool_choice`); calls of the model's own accord are not checked.
    """

    name: FunctionName
    description: str = ""
    parameters: dict[str, Any] = {}
    strict: bool | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something the model may use: functions are all there is."""

    type: Literal["function"]
    function: Function

    def for_template(self) -> dict[str, Any]:
        """Return the tool as chat templates know it."""
        function = self.function
        described = {
            "name": function.name,
            "description": function.description,
            "parameters": function.parameters,
        }
        return {"type": "function", "function": described}


class NamedFunction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The function that has to be called."""

    name: FunctionName


class NamedTool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tool that has to be used."""

    type: Literal["function"]
    function: NamedFunction
