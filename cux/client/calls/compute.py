"""Models, quotes, chats, jobs and receipts, and what receipts are verified with."""

from collections.abc import Mapping, Sequence
from typing import TypeVar, Unpack

import msgspec

from cux.client.call import Call, get, segment, write
from cux.client.options import ChatOptions, asked_of, given
from cux.client.views import (
    Completion,
    CompletionChunk,
    Model,
    Page,
    Provider,
    PublicKeys,
    PublishedCard,
    Quote,
)
from cux.wire.adaptive import AdaptiveView
from cux.wire.orders import JobView

T = TypeVar("T")

Messages = str | Sequence[Mapping[str, str]]
"""A conversation as OpenAI has it, `[{"role": …, "content": …}, …]`, or the text of one user's turn."""

CHAT_TIMEOUT_S = 600.0


def model_list() -> Call[Page[Model]]:
    """Return the models that can be asked."""
    return get("/v1/models", Page[Model])


def quote_create(
    model: str,
    messages: Messages,
    *,
    max_tokens: int | None = None,
    max_compute_ucu: int | None = None,
    quality: float | str | None = None,
    reasoning_effort: str | None = None,
    value_usd: float | str | None = None,
) -> Call[Quote]:
    """Return what a job would use at most; how good it has to be is said as in a chat. Nothing is run."""
    body = {"model": model, "messages": _turns(messages)}
    caps = given(
        max_tokens=max_tokens,
        max_compute_ucu=max_compute_ucu,
        quality=quality,
        reasoning_effort=reasoning_effort,
        value_usd=value_usd,
    )
    content = msgspec.json.encode(body | caps)
    return Call(method="POST", path="/v1/quotes", shape=Quote, body=content, changes_nothing=True)


def chat(
    model: str, messages: Messages, *, idempotency_key: str | None = None, **options: Unpack[ChatOptions]
) -> Call[Completion]:
    """Ask a model and return the whole answer with its usage and charge. For options see `ChatOptions`."""
    body = {"model": model, "messages": _turns(messages), **asked_of(options)}
    return _completion(body, Completion, idempotency_key)


def chat_stream(
    model: str, messages: Messages, *, idempotency_key: str | None = None, **options: Unpack[ChatOptions]
) -> Call[CompletionChunk]:
    """Ask a model and iterate over the answer as it is made; the last piece carries the usage.

    A connection that breaks within the answer raises CuxConnectionError; `job_list` says what became of it.
    For options see `ChatOptions`.
    """
    streaming = {"stream": True, "stream_options": {"include_usage": True}}
    body = {"model": model, "messages": _turns(messages), **asked_of(options), **streaming}
    return _completion(body, CompletionChunk, idempotency_key)


def job_list(*, page_size: int = 50) -> Call[Page[JobView]]:
    """Iterate over the organisation's jobs, newest first; pages are fetched as they are needed."""
    return get("/v1/jobs", Page[JobView], limit=page_size)


def job_get(job_id: str) -> Call[JobView]:
    """Return one job."""
    return get(f"/v1/jobs/{segment(job_id)}", JobView)


def adaptive_request_get(adaptive_id: str) -> Call[AdaptiveView]:
    """Return an adaptive request, with its tranches as far as they are."""
    return get(f"/v1/adaptive-requests/{segment(adaptive_id)}", AdaptiveView)


def receipt_get(job_id: str) -> Call[bytes]:
    """Return a job's receipt, byte for byte as it was signed; `cux.wire.verification` checks it."""
    return get(f"/v1/receipts/{segment(job_id)}", bytes)


def key_list() -> Call[PublicKeys]:
    """Return the public keys of the exchange and of all providers."""
    return get("/v1/keys", PublicKeys)


def card_get(card_hash: str) -> Call[PublishedCard]:
    """Return the compute card with this hash."""
    return get(f"/v1/compute-cards/{segment(card_hash)}", PublishedCard)


def card_list() -> Call[Page[PublishedCard]]:
    """Return the compute cards of all models."""
    return get("/v1/compute-cards", Page[PublishedCard])


def provider_list() -> Call[Page[Provider]]:
    """Return the enrolled providers, and who of them is up."""
    return get("/v1/providers", Page[Provider])


def _completion(body: object, shape: type[T], idempotency_key: str | None) -> Call[T]:
    return write(
        "POST",
        "/v1/chat/completions",
        shape,
        body=body,
        idempotency_key=idempotency_key,
        timeout_s=CHAT_TIMEOUT_S,
    )


def _turns(messages: Messages) -> list[dict[str, str]]:
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    return [dict(message) for message in messages]
