"""The answers of the OpenAI-compatible endpoint, in the shapes the official clients parse."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from core.ids import public_id
from core.money import format_usd
from inference.gateway import Finished


@dataclass(frozen=True, slots=True)
class ChatJob:
    """The job behind a completion."""

    job_id: uuid.UUID
    model: str
    card_hash: str
    created: int
    """Seconds since 1970."""

    @property
    def public_id(self) -> str:
        """Return the job's id as callers see it."""
        return public_id("job", self.job_id)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that tell the job's id before its answer is complete."""
        return {"X-Cux-Job-Id": self.public_id}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.job_id.hex}",
            "object": kind,
            "created": self.created,
            "model": self.model,
        }

    def completion(self, text: str, finished: Finished) -> dict[str, Any]:
        """Return a whole completion."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": None,
            "finish_reason": finished.finish_reason,
        }
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage(finished)}

    def chunk(
        self, delta: Mapping[str, str], *, finish_reason: str | None = None, with_usage: bool
    ) -> dict[str, Any]:
        """Return a piece of a stream; where usage comes at the end, each piece says it is not there yet."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        body = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return {**body, "usage": None} if with_usage else body

    def usage_chunk(self, finished: Finished) -> dict[str, Any]:
        """Return the last piece of a stream: no text, the usage."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage(finished)}

    def usage(self, finished: Finished) -> dict[str, Any]:
        """Return tokens as OpenAI counts them, and under `cux` what was metered and charged."""
        return {
            "prompt_tokens": finished.prompt_tokens,
            "completion_tokens": finished.output_tokens,
            "total_tokens": finished.prompt_tokens + finished.output_tokens,
            "prompt_tokens_details": {"cached_tokens": finished.cached_tokens},
            "cux": {
                "compute_ucu": finished.compute_ucu,
                "quote_ucu": finished.quote_ucu,
                "cost_nano_usd": finished.charged_nano_usd,
                "cost_usd": format_usd(finished.charged_nano_usd).removeprefix("$"),
                "card_hash": self.card_hash,
                "job_id": self.public_id,
                "receipt_hash": finished.receipt_hash,
                "receipt_url": f"{settings.EXCHANGE_URL}/v1/receipts/{self.public_id}",
            },
        }
