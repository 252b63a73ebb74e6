"""The gateway's own tokenizer: chat template, prompt ids, and text from a stream of token ids. No torch.

The template is rendered as transformers renders it (sandboxed jinja2, `trim_blocks`, `lstrip_blocks`), so
that the ids are those the engine would have made itself.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import jinja2
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer, decoders

from inference.engines.tool_calls import CALL_START, spelt_out, with_arguments

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
ToolStyle = Literal["native", "spelt_out", "foreign"]
_SPECIAL_NAMES: Final = ("bos_token", "eos_token", "pad_token", "unk_token")


def _byte_of() -> dict[str, int]:
    """Return which byte each character of a byte-level vocabulary stands for.

    Printable bytes are themselves, the others follow from U+0100 on (GPT-2's table, which all of them use).
    """
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in plain]
    shown = {chr(byte): byte for byte in plain}
    return shown | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_BYTE_OF: Final = _byte_of()
_BYTE: Final = re.compile(r"<0x[0-9A-F]{2}>")
_SPACE: Final = "\N{LOWER ONE EIGHTH BLOCK}"


class PromptError(ValueError):
    """The messages do not go with the model's chat template."""


@dataclass(frozen=True)
class ModelTokenizer:
    """Tokenizer, chat template and special tokens of one model."""

    tokenizer: Tokenizer
    template: jinja2.Template
    specials: Mapping[str, str]
    tool_style: ToolStyle = "spelt_out"

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Return the ids of special tokens, which have no text: ends of text and of turns."""
        added = self.tokenizer.get_added_tokens_decoder()
        return frozenset(number for number, token in added.items() if token.special)

    @property
    def end_ids(self) -> frozenset[int]:
        """Return the tokens that end an answer."""
        found = self.tokenizer.token_to_id(self.specials.get("eos_token", ""))
        return frozenset() if found is None else frozenset({found})

    def chat_ids(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        opening: str = "",
    ) -> list[int]:
        """Return the prompt's token ids for a chat, up to where the assistant's answer begins.

        `opening` is put into the assistant's mouth.

        Raises:
            PromptError: the template refuses these messages, or tools in the one notation that is read here.
        """
        try:
            text = self._rendered(messages, tools)
        except (jinja2.TemplateError, TypeError, AttributeError, ValueError) as error:
            raise PromptError(str(error)) from error
        # The template writes the special tokens itself, so none are added.
        return self.tokenizer.encode(text + opening, add_special_tokens=False).ids

    def _rendered(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
        if self.tool_style == "native":
            turns, known = with_arguments(messages), {"tools": list(tools)} if tools else {}
        elif tools and self.tool_style == "foreign":
            raise PromptError("this model writes calls of tools in a notation that is not read here")
        else:
            turns, known = spelt_out(messages, tools), {}
        return self.template.render(messages=turns, add_generation_prompt=True, **known, **self.specials)

    def text_ids(self, prompt: str) -> list[int]:
        """Return the token ids of a plain prompt, with whatever special tokens the model adds."""
        return self.tokenizer.encode(prompt).ids

    def piece(self, token_id: int) -> bytes:
        """Return the bytes that a token stands for, which need not be whole characters; none if it has none.

        Byte-level vocabularies spell a byte as a character of its own, others mark spaces and write `<0x0A>`.
        """
        added = self.tokenizer.get_added_tokens_decoder().get(token_id)
        if added is not None:
            return str(added.content).encode()
        token = self.tokenizer.id_to_token(token_id) or ""
        if isinstance(self.tokenizer.decoder, decoders.ByteLevel):
            return bytes(_BYTE_OF[letter] for letter in token if letter in _BYTE_OF)
        if _BYTE.fullmatch(token):
            return bytes([int(token[3:5], 16)])
        return token.replace(_SPACE, " ").encode()

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, special tokens left out."""
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)


class Detokenizer:
    """Turns token ids into text as they come; a character is given out once all its bytes are there.

    A token's text depends on the tokens before it, so a window of recent tokens is decoded twice, without
    and with the new ones, and the difference is what they add.
    """

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        """Start before the first token."""
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._known = 0  # the first ids of the window have given their text out already

    def add(self, ids: Sequence[int]) -> str:
        """Return the text that these further ids complete, perhaps none yet."""
        self._ids.extend(ids)
        before, after = self._window()
        if len(after) <= len(before) or after.endswith(_REPLACEMENT):
            return ""
        self._ids = self._ids[self._known :]
        self._known = len(self._ids)
        return after[len(before) :]

    @property
    def is_holding(self) -> bool:
        """Tell whether there are bytes of a character that is not complete yet."""
        before, after = self._window()
        return before != after

    def flush(self) -> str:
        """Return what is left at the end: bytes that never became a character show as U+FFFD."""
        before, after = self._window()
        self._ids, self._known = [], 0
        return after[len(before) :]

    def _window(self) -> tuple[str, str]:
        return self._tokenizer.decode(self._ids[: self._known]), self._tokenizer.decode(self._ids)


class StopText:
    """Cuts a stream of text at the first stop sequence, which is left out.

    Text that may be the beginning of a stop sequence is held until the next text decides.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        """Watch for these sequences; none means that all text passes."""
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.stopped = False

    def add(self, text: str) -> str:
        """Return the text that may be shown now; none once stopped."""
        if self.stopped:
            return ""
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = self._undecided(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    @property
    def is_holding(self) -> bool:
        """Tell whether text is held that may begin a stop sequence."""
        return bool(self._held)

    def flush(self) -> str:
        """Return what was held: the answer ended, so it was no stop sequence."""
        text, self._held = self._held, ""
        return text

    def _undecided(self, text: str) -> int:
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for size in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-size:]) for stop in self._stops):
                return size
        return 0


@lru_cache(maxsize=32)
def load_tokenizer(directory: str) -> ModelTokenizer:
    """Return the tokenizer of the model in `directory` (kept in memory: a model's files never change).

    Raises:
        OSError: a file is missing.
    """
    path = Path(directory)
    config = json.loads((path / "tokenizer_config.json").read_text())
    template = path / "chat_template.jinja"
    source = template.read_text() if template.exists() else config["chat_template"]
    specials = {name: _special(config[name]) for name in _SPECIAL_NAMES if config.get(name)}
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    environment = _environment()
    style = _tool_style(tokenizer, source, meta.find_undeclared_variables(environment.parse(source)))
    return ModelTokenizer(tokenizer, environment.from_string(source), specials, style)


def _tool_style(tokenizer: Tokenizer, template: str, asks_for: set[str]) -> ToolStyle:
    """Return how tools are told to the model, and whether its calls can be read."""
    tags = tokenizer.encode(CALL_START, add_special_tokens=False).ids
    if CALL_START not in tokenizer.decode(tags, skip_special_tokens=True):
        return "foreign"  # its tags are special tokens, which no text of an answer shows
    if "tools" not in asks_for:
        return "spelt_out"
    return "native" if CALL_START in template else "foreign"


def _special(value: str | Mapping[str, Any]) -> str:
    return value if isinstance(value, str) else str(value["content"])


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _now_as
    return environment


def _to_json(value: object, indent: int | None = None) -> str:
    """Write JSON without HTML escapes, which jinja's own filter would add."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _now_as(pattern: str) -> str:
    return datetime.now(UTC).strftime(pattern)
