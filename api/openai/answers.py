"""The answers of the OpenAI-compatible endpoint, in the shapes the official clients parse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.conf import settings

from api.openai.choices import Choice
from api.openai.starting import Started
from core.errors import Code, CuxError
from core.ids import public_id
from core.money import format_usd
from inference.gateway import Finished, Refunded, TokenChunk
from inference.selectors.routes import Routed


@dataclass(frozen=True, slots=True)
class Kind:
    """How one of the two endpoints names its answers."""

    prefix: str
    whole: str
    chunk: str


PUBLIC_ACCESS: Final = "public_access"
"""Who pays, where it is not the caller."""
KindName = Literal["chat", "text"]
KINDS: dict[KindName, Kind] = {
    "chat": Kind("chatcmpl-", "chat.completion", "chat.completion.chunk"),
    "text": Kind("cmpl-", "text_completion", "text_completion"),
}


@dataclass(slots=True)
class Answer:
    """An answer as it grows: its choices, one job each, and what became of them."""

    kind: Kind
    started: Started
    choices: Sequence[Choice]
    include_usage: bool
    _ended: dict[int, Finished | Refunded] = field(default_factory=dict)

    def opening(self) -> Iterator[dict[str, Any]]:
        """Yield the chunks that a stream begins with."""
        for place, choice in enumerate(self.choices):
            if opened := choice.opening():
                yield self._chunk(place, opened, None)

    def add(self, place: int, happened: TokenChunk | Finished | Refunded) -> Iterator[dict[str, Any]]:
        """Take in what happened to a choice and yield the chunks that tell of it.

        Raises:
            CuxError: all choices came to nothing; the code is that of the first.
        """
        choice = self.choices[place]
        if isinstance(happened, TokenChunk):
            for piece in choice.add(happened):
                yield self._chunk(place, piece, None)
            return
        self._ended[place] = happened
        if isinstance(happened, Finished):
            for piece in choice.flush():
                yield self._chunk(place, piece, None)
            yield self._chunk(place, choice.ending(), choice.finish_reason(happened.finish_reason))
        else:
            self._refuse_if_nothing_is_left()
            yield self._chunk(place, choice.ending(), "error")

    def usage_chunk(self, routed: Routed | None) -> dict[str, Any]:
        """Return the last piece of a stream: no text, the usage."""
        return {**self._head(self.kind.chunk), "choices": [], "usage": self._usage(routed)}

    def whole(self, routed: Routed | None) -> dict[str, Any]:
        """Return the complete answer; a choice whose job failed is missing, and cost nothing."""
        choices = [
            {"index": place, **choice.whole(), "finish_reason": choice.finish_reason(ended.finish_reason)}
            for place, choice in enumerate(self.choices)
            if isinstance(ended := self._ended.get(place), Finished)
        ]
        return {**self._head(self.kind.whole), "choices": choices, "usage": self._usage(routed)}

    def headers(self, routed: Routed | None) -> dict[str, str]:
        """Return what is told in headers: which job it is, who runs it and why, and at the end its price."""
        told = {
            "X-Cux-Job-Id": public_id("job", self.started.job_ids[0]),
            "X-Cux-Card-Hash": self.started.card_hash,
            "X-Cux-Quote-Ucu": str(self.started.quote_ucu),
        }
        if routed is not None:
            told["X-Cux-Provider"] = routed.provider_id
            told["X-Cux-Attempts"] = str(routed.attempts)
            told["X-Cux-Route"] = routed.why.encode("ascii", "replace").decode()
        if bought := self.started.bought:
            told["X-Cux-Bought-Ucu"] = str(bought["quantity_ucu"])
            told["X-Cux-Bought-Cost-Nano-Usd"] = str(bought["cost_nano_usd"])
        if self.started.by_pool:
            told["X-Cux-Paid-By"] = PUBLIC_ACCESS
        if finished := self._finished:
            told["X-Cux-Compute-Ucu"] = str(sum(each.compute_ucu for each in finished))
            told["X-Cux-Cost-Nano-Usd"] = str(sum(each.charged_nano_usd for each in finished))
        return told

    @property
    def _finished(self) -> list[Finished]:
        return [each for _, each in sorted(self._ended.items()) if isinstance(each, Finished)]

    def _refuse_if_nothing_is_left(self) -> None:
        ended = [self._ended.get(place) for place in range(len(self.choices))]
        refunds = [each for each in ended if isinstance(each, Refunded)]
        if len(refunds) == len(ended):
            raise CuxError(refunds[0].code)

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"{self.kind.prefix}{self.started.job_ids[0].hex}",
            "object": kind,
            "created": self.started.created,
            "model": self.started.model,
        }

    def _chunk(self, place: int, piece: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        """Return a piece of a stream; where usage comes at the end, each piece says it is not there yet."""
        choice = {"index": place, **piece, "finish_reason": finish_reason}
        body = {**self._head(self.kind.chunk), "choices": [choice]}
        return {**body, "usage": None} if self.include_usage else body

    def _usage(self, routed: Routed | None) -> dict[str, Any]:
        """Return tokens as OpenAI counts them, and under `cux` the meter and charge of all choices."""
        finished = self._finished
        if not finished:
            raise CuxError(Code.JOB_FAILED)
        first = finished[0]
        output_tokens = sum(each.output_tokens for each in finished)
        return {
            "prompt_tokens": first.prompt_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": first.prompt_tokens + output_tokens,
            "prompt_tokens_details": {"cached_tokens": first.cached_tokens},
            "cux": self._metered(finished, routed),
        }

    def _metered(self, finished: list[Finished], routed: Routed | None) -> dict[str, Any]:
        cost = sum(each.charged_nano_usd for each in finished)
        job_id = public_id("job", self.started.job_ids[0])
        metered: dict[str, Any] = {
            "compute_ucu": sum(each.compute_ucu for each in finished),
            "quote_ucu": self.started.quote_ucu,
            "cost_nano_usd": cost,
            "cost_usd": format_usd(cost).removeprefix("$"),
            "card_hash": self.started.card_hash,
            "job_id": job_id,
            "receipt_hash": finished[0].receipt_hash,
            "receipt_url": f"{settings.EXCHANGE_URL}/v1/receipts/{job_id}",
        }
        if bought := self.started.bought:
            left_ucu = max(0, bought["quantity_ucu"] - metered["compute_ucu"])
            metered["bought"] = {**bought, "left_ucu": left_ucu}
        if self.started.by_pool:
            metered["paid_by"] = PUBLIC_ACCESS
        if routed is not None:
            metered |= {"provider": routed.provider, "attempts": routed.attempts}
        if len(self.choices) > 1:
            metered["jobs"] = [self._job(place) for place in range(len(self.choices))]
        return metered

    def _job(self, place: int) -> dict[str, Any]:
        """Return one choice's own meter: each is a job with a receipt of its own."""
        job_id = public_id("job", self.started.job_ids[place])
        ended = self._ended.get(place)
        if not isinstance(ended, Finished):
            return {"index": place, "job_id": job_id, "compute_ucu": 0, "cost_nano_usd": 0}
        return {
            "index": place,
            "job_id": job_id,
            "output_tokens": ended.output_tokens,
            "compute_ucu": ended.compute_ucu,
            "cost_nano_usd": ended.charged_nano_usd,
            "receipt_hash": ended.receipt_hash,
        }
