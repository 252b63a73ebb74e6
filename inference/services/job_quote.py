"""Quotes: the most a job may cost, before anything is reserved."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.errors import Code, CuxError
from cux.wire.card import ComputeCard
from inference.compute import largest_output_within, quote_ucu
from inference.engines.tokenizer import PromptError, load_tokenizer
from inference.models import CatalogueModel
from inference.selectors.catalogue import card_of, model_get

MAX_TOKENS_DEFAULT: Final = 256
"""The cap of an answer whose caller named neither tokens nor compute: the quote is what gets reserved."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A job that could be run, and the most it would cost."""

    organisation_id: uuid.UUID
    model: str
    catalogued: CatalogueModel = field(repr=False, compare=False)
    compute_class: str
    card_hash: str
    prompt_token_ids: tuple[int, ...] = field(repr=False)
    max_tokens: int
    quote_ucu: int


def job_quote(
    *,
    organisation_id: uuid.UUID,
    model: str,
    messages: Sequence[Mapping[str, Any]] | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    opening: str = "",
    prompt: str | None = None,
    prompt_token_ids: Sequence[int] | None = None,
    max_tokens: int | None = None,
    max_compute_ucu: int | None = None,
) -> Quote:
    """This function will count the prompt and quote the worst case.

    The prompt is `messages`, with `tools` that may be called and the `opening` of the answer; or else plain
    `prompt`, or its token ids. `max_compute_ucu` caps the answer to the most tokens it pays for. Reads only.

    Raises:
        CuxError: UNKNOWN_MODEL; INVALID_FIELD (messages the template refuses, no prompt, no token asked
            for); CONTEXT_LENGTH_EXCEEDED; BUDGET_TOO_SMALL.
    """
    asked = model_get(model)
    if prompt_token_ids is not None:
        prompt_ids = _known_ids(asked, prompt_token_ids)
    elif messages is not None:
        prompt_ids = _chat_ids(asked, messages, tools, opening)
    else:
        prompt_ids = _not_empty(load_tokenizer(asked.directory).text_ids(prompt or ""), "prompt")
    tokens = _output_cap(asked, len(prompt_ids), max_tokens, max_compute_ucu)
    return Quote(
        organisation_id=organisation_id,
        model=asked.name,
        catalogued=asked,
        compute_class=asked.compute_class_id,
        card_hash=asked.card_hash,
        prompt_token_ids=tuple(prompt_ids),
        max_tokens=tokens,
        quote_ucu=quote_ucu(card_of(asked), prompt_tokens=len(prompt_ids), max_tokens=tokens),
    )


def _chat_ids(
    model: CatalogueModel,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    opening: str,
) -> list[int]:
    tokenizer = load_tokenizer(model.directory)
    try:
        ids = tokenizer.chat_ids(messages, tools=tools, opening=opening)
    except PromptError as error:
        raise CuxError(Code.INVALID_FIELD, f"The model's template: {error}", param="messages") from error
    return _not_empty(ids, "messages")


def _known_ids(model: CatalogueModel, ids: Sequence[int]) -> list[int]:
    vocabulary = int(model.card["vocab_size"])
    if any(token >= vocabulary for token in ids):
        raise CuxError(Code.INVALID_FIELD, f"Token ids are below {vocabulary}.", param="prompt")
    return _not_empty(list(ids), "prompt")


def _not_empty(ids: list[int], param: str) -> list[int]:
    if not ids:
        raise CuxError(Code.INVALID_FIELD, "The prompt is empty.", param=param)
    return ids


def _output_cap(
    model: CatalogueModel, prompt_tokens: int, max_tokens: int | None, max_compute_ucu: int | None
) -> int:
    room = model.context_tokens - prompt_tokens
    if max_tokens is not None and max_tokens < 1:
        raise CuxError(Code.INVALID_FIELD, "An answer has at least one token.", param="max_tokens")
    if (max_tokens or 1) > room:
        raise CuxError(
            Code.CONTEXT_LENGTH_EXCEEDED,
            f"{prompt_tokens} prompt tokens and {max_tokens or 1} more do not fit into "
            f"{model.context_tokens}.",
            param="max_tokens" if room > 0 else "messages",
        )
    if max_compute_ucu is None:
        return max_tokens or min(MAX_TOKENS_DEFAULT, room)
    paid = _paid_for(card_of(model), prompt_tokens, max_compute_ucu)
    return min(paid, max_tokens or room)


def _paid_for(card: ComputeCard, prompt_tokens: int, budget_ucu: int) -> int:
    paid = largest_output_within(card, prompt_tokens=prompt_tokens, budget_ucu=budget_ucu)
    if paid is None:
        raise CuxError(Code.BUDGET_TOO_SMALL, param="max_compute_ucu")
    return paid
