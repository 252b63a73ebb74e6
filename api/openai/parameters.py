"""What a chat completion may ask for. Nothing is ignored in silence: what is not supported is refused."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from api.http import parse_json
from core.errors import Code, CuxError
from cux.wire.fields import Count
from inference.services.job_create import Sampling

Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(gt=0, le=1)]
Stop = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00]+\Z")]
Stops = Annotated[list[Stop], Meta(max_length=4)]
Tag = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
PositiveTokens = Annotated[int, Meta(ge=1, le=2**31 - 1)]

NEUTRAL: Final[dict[str, tuple[object, ...]]] = {
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "parallel_tool_calls": (True, False),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
}
"""Parameters of OpenAI's that may be sent with the value that asks for nothing special."""


class TextPart(msgspec.Struct, frozen=True, tag_field="type", tag="text", forbid_unknown_fields=True):
    """A piece of a message: text is all that models here read."""

    text: str


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    def for_template(self) -> dict[str, str]:
        """Return the turn as chat templates know it: plain text, `developer` is `system`."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the caller wants to find a request by: usage and statements are grouped by `tag`."""

    tag: Tag = ""


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a stream carries besides text."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chat completion. `max_compute_ucu` caps the compute, and so the cost, of the answer.

    `temperature` counts to the thousandth and `top_p` to the millionth. `user` is accepted for
    compatibility and has no effect on the answer.
    """

    model: Annotated[str, Meta(min_length=1, max_length=128)]
    messages: Annotated[list[Message], Meta(min_length=1, max_length=1_000)]
    max_tokens: PositiveTokens | None = None
    max_completion_tokens: PositiveTokens | None = None
    max_compute_ucu: Count | None = None
    temperature: Temperature = 1.0
    top_p: Share = 1.0
    seed: Count | None = None
    stop: Stop | Stops = []
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: str | None = None
    metadata: Metadata = Metadata()

    @property
    def output_cap(self) -> int | None:
        """Return the most tokens the answer may have, under either of its two names."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def sampling(self) -> Sampling:
        """Return how tokens are drawn, within what a lease can say: a top_p above zero stays above it."""
        return Sampling(
            temperature_milli=round(self.temperature * 1_000),
            top_p_ppm=max(1, round(self.top_p * 1_000_000)),
            seed=self.seed,
            stop=[self.stop] if isinstance(self.stop, str) else self.stop,
        )

    @property
    def include_usage(self) -> bool:
        """Tell whether a stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage


def parse_chat(body: bytes) -> ChatRequest:
    """Return the body checked.

    Raises:
        CuxError: MALFORMED_JSON; UNSUPPORTED_PARAMETER or INVALID_FIELD with the parameter as `param`.
    """
    asked = parse_json(body, dict[str, Any])
    kept = {name: value for name, value in asked.items() if _matters(name, value)}
    if isinstance(kept.get("messages"), list):
        kept["messages"] = [_without_nulls(message) for message in kept["messages"]]
        _refuse_other_parts(kept["messages"])
    return parse_json(msgspec.json.encode(kept), ChatRequest)


def _matters(name: str, value: object) -> bool:
    """Tell whether a parameter is to be read; what is neither known nor neutral is refused."""
    if value is None:
        return False
    if name in ChatRequest.__struct_fields__:
        return True
    if value in NEUTRAL.get(name, ()):
        return False
    raise CuxError(Code.UNSUPPORTED_PARAMETER, f"`{name}` is not supported here.", param=name)


def _without_nulls(message: object) -> object:
    """Return a message without fields that say nothing, as OpenAI's own answers have them."""
    if not isinstance(message, dict):
        return message
    return {name: value for name, value in message.items() if value is not None}


def _refuse_other_parts(messages: list[Any]) -> None:
    for index, message in enumerate(messages):
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict) and part.get("type") not in ("text", None):
                raise CuxError(
                    Code.UNSUPPORTED_PARAMETER,
                    f"Content of type `{part['type']}` is not supported; send text.",
                    param=f"messages[{index}].content",
                )
