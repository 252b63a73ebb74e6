"""What a completion or a chat may ask for. Nothing is ignored: what is not supported is refused."""

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from api.http import parse_json
from api.openai.effort import Effort, Quality, adaptive_ask
from api.openai.messages import Message, NamedTool, Tool
from api.openai.options import Amount, Options, PositiveTokens
from api.openai.shapes import AnswerFormat, PlainText, schema_text
from core.errors import Code, CuxError
from cux.wire.fields import TokenId
from inference.engines.tool_calls import CALL_END, CALL_START, call_schema
from inference.services.adaptive_quote import AdaptiveAsk
from inference.services.sampling import Sampling

T = TypeVar("T", bound=Options)

CHAT_NEUTRAL: Final[dict[str, tuple[object, ...]]] = {
    "function_call": ("none",),
    "functions": ([],),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
    "store": (False,),
}
TEXT_NEUTRAL: Final[dict[str, tuple[object, ...]]] = {
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
}
"""Parameters of OpenAI's that may be sent with the value that asks for nothing special."""

TEXT_TOKENS_DEFAULT: Final = 16
"""As long is the answer to a plain prompt whose caller names no length, as OpenAI has it."""


class ChatRequest(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chat completion. With `tools` the model may ask for functions to be called.

    With `quality`, `reasoning_effort` or `value_usd` a model with a ladder spends what the question needs.
    """

    messages: Annotated[list[Message], Meta(min_length=1, max_length=1_000)]
    max_completion_tokens: PositiveTokens | None = None
    tools: Annotated[list[Tool], Meta(max_length=128)] = []
    tool_choice: Literal["none", "auto", "required"] | NamedTool = "auto"
    parallel_tool_calls: bool = True
    response_format: AnswerFormat = PlainText()
    logprobs: bool = False
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] = 0
    quality: Quality | None = None
    reasoning_effort: Effort | None = None
    value_usd: Amount | None = None

    @property
    def output_cap(self) -> int | None:
        """Return the most tokens the answer may have, under either of its two names."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def adaptive(self) -> AdaptiveAsk | None:
        """Return what is asked of an adaptive answer; None if it is to be an ordinary one.

        Raises:
            CuxError: INVALID_FIELD.
        """
        return adaptive_ask(
            self.quality,
            self.reasoning_effort,
            self.value_usd,
            max_tokens=self.output_cap,
            cap_ucu=self.budget_ucu,
        )

    @property
    def offered(self) -> list[Tool]:
        """Return the tools that may be used in this answer."""
        if isinstance(self.tool_choice, NamedTool):
            return [tool for tool in self.tools if tool.function.name == self.tool_choice.function.name]
        return [] if self.tool_choice == "none" else self.tools

    @property
    def must_call(self) -> bool:
        """Tell whether the answer has to be a call."""
        return isinstance(self.tool_choice, NamedTool) or self.tool_choice == "required"

    @property
    def opening(self) -> str:
        """Return what the answer is made to begin with."""
        return CALL_START + "\n" if self.must_call else ""

    @property
    def sampling(self) -> Sampling:
        """Return how tokens are drawn. A forced call is drawn by the schema of what may be called.

        Where calls may not be parallel, the engine stops after the first.
        """
        if self.must_call:
            functions = [tool.function for tool in self.offered]
            schema = call_schema([(each.name, each.parameters) for each in functions])
            return self.drawn(json_schema=schema_text(schema), calls_tools=True)
        stops = self.drawn().stop
        if self.offered and not self.parallel_tool_calls:
            stops = [*stops, CALL_END]
        asked = self.response_format
        return self.drawn(
            stop=stops,
            json_object=asked.is_object,
            json_schema=asked.schema_text,
            calls_tools=bool(self.offered),
            logprobs=self.logprobs,
            top_logprobs=self.top_logprobs,
        )

    def refuse_contradictions(self) -> None:
        """Refuse what cannot be had together.

        Raises:
            CuxError: UNSUPPORTED_PARAMETER, INVALID_FIELD.
        """
        if self.must_call and not self.offered:
            raise CuxError(Code.INVALID_FIELD, "There is no such tool to be called.", param="tool_choice")
        if self.offered and type(self.response_format) is not PlainText:
            raise _together("response_format", "tools")
        if self.must_call and self.stop:
            raise _together("stop", "a forced `tool_choice`")
        if self.offered and self.logprobs:
            raise _together("logprobs", "tools")
        if self.adaptive is not None:
            self._refuse_beside_a_ladder()
        if self.top_logprobs and not self.logprobs:
            raise CuxError(
                Code.INVALID_FIELD, "`top_logprobs` is for requests with `logprobs`.", param="top_logprobs"
            )

    def _refuse_beside_a_ladder(self) -> None:
        """Refuse what several tries cannot be judged under. Raises CuxError UNSUPPORTED_PARAMETER."""
        plain = type(self.response_format) is PlainText
        for param, is_asked in (
            ("tools", bool(self.tools)),
            ("response_format", not plain),
            ("n", self.n > 1),
            ("logprobs", self.logprobs),
        ):
            if is_asked:
                raise _together(param, "`quality`, `reasoning_effort` or `value_usd`")


class CompletionRequest(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plain completion of a text, or of token ids."""

    prompt: str | Annotated[list[TokenId | str], Meta(min_length=1)]
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None

    @property
    def output_cap(self) -> int | None:
        """Return the most tokens the answer may have; without any cap there is one all the same."""
        capped_otherwise = self.max_compute_ucu is not None or self.max_compute_units is not None
        return self.max_tokens or (None if capped_otherwise else TEXT_TOKENS_DEFAULT)

    @property
    def sampling(self) -> Sampling:
        """Return how tokens are drawn."""
        return self.drawn(logprobs=self.logprobs is not None, top_logprobs=self.logprobs or 0)

    @property
    def text(self) -> str | None:
        """Return the prompt if it is text."""
        prompt = self.prompt if isinstance(self.prompt, str) else self.prompt[0]
        return prompt if isinstance(prompt, str) else None

    @property
    def token_ids(self) -> list[int] | None:
        """Return the prompt if it is token ids."""
        return None if self.text is not None else [each for each in self.prompt if isinstance(each, int)]


def parse_chat(body: bytes) -> ChatRequest:
    """Return the body checked.

    Raises:
        CuxError: MALFORMED_JSON; UNSUPPORTED_PARAMETER or INVALID_FIELD with the parameter as `param`.
    """
    kept = _kept(body, ChatRequest, CHAT_NEUTRAL)
    if isinstance(kept.get("messages"), list):
        kept["messages"] = [_without_nulls(message) for message in kept["messages"]]
        _refuse_other_parts(kept["messages"])
    asked = parse_json(msgspec.json.encode(kept), ChatRequest)
    asked.refuse_contradictions()
    _refuse_silent_turns(asked.messages)
    return asked


def parse_completion(body: bytes) -> CompletionRequest:
    """Return the body checked. Raises CuxError as `parse_chat`."""
    asked = parse_json(msgspec.json.encode(_kept(body, CompletionRequest, TEXT_NEUTRAL)), CompletionRequest)
    if (
        isinstance(asked.prompt, list)
        and len(asked.prompt) > 1
        and len(asked.token_ids or []) < len(asked.prompt)
    ):
        raise CuxError(Code.UNSUPPORTED_PARAMETER, "Send one prompt at a time.", param="prompt")
    return asked


def _together(param: str, other: str) -> CuxError:
    return CuxError(
        Code.UNSUPPORTED_PARAMETER, f"`{param}` is not supported together with {other}.", param=param
    )


def _kept(body: bytes, shape: type[T], neutral: dict[str, tuple[object, ...]]) -> dict[str, Any]:
    """Return the parameters that matter; what is neither known nor neutral is refused."""
    asked = parse_json(body, dict[str, Any])
    return {name: value for name, value in asked.items() if _matters(name, value, shape, neutral)}


def _matters(name: str, value: object, shape: type[T], neutral: dict[str, tuple[object, ...]]) -> bool:
    if value is None:
        return False
    if name in shape.__struct_fields__:
        return True
    if value in neutral.get(name, ()):
        return False
    raise CuxError(Code.UNSUPPORTED_PARAMETER, f"`{name}` is not supported here.", param=name)


def _without_nulls(message: object) -> object:
    """Return a message without fields that say nothing, as OpenAI's own answers have them."""
    if not isinstance(message, dict):
        return message
    return {name: value for name, value in message.items() if value is not None}


def _refuse_silent_turns(messages: list[Message]) -> None:
    """Refuse turns that cannot be: only an assistant calls, and only then it may say nothing."""
    for index, message in enumerate(messages):
        at = f"messages[{index}]"
        if message.tool_calls and message.role != "assistant":
            raise CuxError(Code.INVALID_FIELD, "Only an assistant calls tools.", param=f"{at}.tool_calls")
        if message.content is None and not message.tool_calls:
            raise CuxError(Code.INVALID_FIELD, "The message has no content.", param=f"{at}.content")
        if (message.role == "tool") != bool(message.tool_call_id):
            raise CuxError(
                Code.INVALID_FIELD,
                "A tool's message, and no other, names the call it answers.",
                param=f"{at}.tool_call_id",
            )


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
