"""What may be asked of an answer, and how a request's body says it."""

from collections.abc import Sequence
from typing import Any, TypedDict


class ChatOptions(TypedDict, total=False):
    """What may be asked of an answer; `max_compute_ucu` caps its compute, and so its cost.

    By `tag` usage and statements tell what it was for. A model with a ladder spends what the question
    needs with `quality` (`auto`, or the chance of being right that is asked for), `reasoning_effort` or
    `value_usd`.
    """

    max_tokens: int | None
    max_compute_ucu: int | None
    temperature: float | None
    top_p: float | None
    seed: int | None
    stop: Sequence[str] | None
    quality: float | str | None
    reasoning_effort: str | None
    value_usd: float | str | None
    tag: str | None


def asked_of(options: ChatOptions) -> dict[str, Any]:
    """Return the options as a body has them, without those that are None."""
    body = given(**options)
    tag = body.pop("tag", None)
    return body if tag is None else {**body, "metadata": {"tag": tag}}


def given(**values: Any) -> dict[str, Any]:
    """Return the values without those that are None."""
    return {name: value for name, value in values.items() if value is not None}
