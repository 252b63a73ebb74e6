"""Run one lease: generate, log, upload, sign."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.answer import Answer, EndLine
from agent.delivery import Outcome, deliver
from agent.engine_client import EngineClient, EngineError
from cux.wire.agent import FailedLine, FinishedLine, Lease
from cux.wire.receipt import FinishReason, build_statement, sign_statement
from cux.wire.signing import SigningKey

log = logging.getLogger("cux.agent.runner")

Interruption = Literal["canceled", "draining"]
MESSAGE_CHARACTERS = 1_024


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs."""

    provider_id: str
    key: SigningKey


@dataclass(slots=True)
class LeaseRun:
    """One lease being served; `interrupt` ends its generation early, never its delivery."""

    lease: Lease
    identity: Identity
    client: EngineClient
    _interruption: Interruption | None = None
    _generation: asyncio.Task[EndLine] | None = field(default=None, repr=False)

    def interrupt(self, why: Interruption) -> None:
        """Abort the lease in the engine; the first reason stands."""
        if self._interruption is None:
            self._interruption = why
            if self._generation is not None:
                self._generation.cancel()

    async def run(self, wal_directory: Path) -> Outcome:
        """Serve the lease to its end: every token delivered, or told why not. Returns the delivery's outcome.

        Raises OSError if the log can not be written; nothing more is uploaded then.
        """
        answer = Answer.begin(self.lease, wal_directory)
        delivery = asyncio.create_task(deliver(answer))
        generation = asyncio.create_task(self._generate(answer))
        self._generation = generation
        if self._interruption is not None:
            generation.cancel()
        delivered = False
        try:
            await asyncio.wait({generation, delivery}, return_when=asyncio.FIRST_COMPLETED)
            if not delivery.done():
                answer.finish(self._end(generation, answer))
            outcome = await delivery
            delivered = True
            return outcome
        finally:
            for task in (generation, delivery):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
            answer.close(delivered=delivered)

    async def _generate(self, answer: Answer) -> EndLine:
        reason: FinishReason | None = None
        async for chunk in self.client.run(self.lease):
            if chunk.ids:
                answer.append(chunk.ids, chunk.logprobs, chunk.top_logprobs)
            reason = chunk.finish_reason or reason
        if reason is None:
            raise EngineError("engine_failed", "the engine ended its answer without a reason")
        return self._finished(answer, reason)

    def _end(self, generation: asyncio.Task[EndLine], answer: Answer) -> EndLine:
        """The last line of the answer: what the ended generation returned, or what stopped it."""
        if generation.cancelled():
            if self._interruption == "canceled":
                return self._finished(answer, "abort")
            return FailedLine(code="draining", message="the provider is stopping")
        error = generation.exception()
        if error is None:
            return generation.result()
        if isinstance(error, EngineError):
            log.error("lease %s: %s: %s", self.lease.lease_id, error.code, error)
            return FailedLine(code=error.code, message=str(error)[:MESSAGE_CHARACTERS])
        raise error

    def _finished(self, answer: Answer, reason: FinishReason) -> FinishedLine:
        lease = self.lease
        statement = build_statement(
            job_id=lease.job_id,
            lease_id=lease.lease_id,
            epoch=lease.epoch,
            provider_id=self.identity.provider_id,
            model=lease.model,
            model_revision=lease.model_revision,
            card_hash=lease.card_hash,
            prompt_tokens=len(lease.prompt_token_ids),
            output_ids=answer.ids,
            finish_reason=reason,
            prefix_ids=lease.prefix_token_ids,
        )
        return FinishedLine(
            finish_reason=reason,
            prompt_tokens=statement.prompt_tokens,
            output_tokens=statement.output_tokens,
            provider_signature=sign_statement(statement, self.identity.key),
        )
