"""The gateway's own tokenizer: chat template, prompt ids, and text from a stream of token ids. No torch.

The template is rendered as transformers renders it (sandboxed jinja2, `trim_blocks`, `lstrip_blocks`), so
that the ids are those the engine would have made itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_SPECIAL_NAMES: Final = ("bos_token", "eos_token", "pad_token", "unk_token")


class PromptError(ValueError):
    """The messages do not go with the model's chat template."""


@dataclass(frozen=True)
class ModelTokenizer:
    """Tokenizer, chat template and special tokens of one model."""

    tokenizer: Tokenizer
    template: jinja2.Template
    specials: Mapping[str, str]

    def chat_ids(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """Return the prompt's token ids for a chat, up to where the assistant's answer begins.

        Raises:
            PromptError: the template refuses these messages.
        """
        try:
            text = self.template.render(messages=messages, add_generation_prompt=True, **self.specials)
        except (jinja2.TemplateError, TypeError, AttributeError) as error:
            raise PromptError(str(error)) from error
        # The template writes the special tokens itself, so none are added.
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def text_ids(self, prompt: str) -> list[int]:
        """Return the token ids of a plain prompt, with whatever special tokens the model adds."""
        return self.tokenizer.encode(prompt).ids

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
    return ModelTokenizer(tokenizer, _environment().from_string(source), specials)


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
