"""A run: questions put to an endpoint, several at once, replies graded, metered and kept as they come."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import httpx

from cux.wire.card import ComputeCard
from cux.wire.metering import usage
from inference.benchmarking.endpoint import Answered, Endpoint, EndpointError, QuestionFailed
from inference.benchmarking.questions import Asked, answer_read
from inference.benchmarking.replies import RepliesFile
from inference.efficiency.endpoint import Reply
from inference.training.families.base import band


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who is asked what: `instruction` follows each question, `progress` hears of each reply."""

    endpoint: Endpoint
    card: ComputeCard
    questions: Sequence[Asked]
    instruction: str
    kept: RepliesFile
    concurrency: int
    progress: Callable[[], None]
    failed: Counter[str] = field(default_factory=Counter)
    """Why questions got no answer; another run may ask them again."""

    async def run(self) -> None:
        """Ask what the file has no reply to yet. Raises EndpointError: the endpoint cannot be asked."""
        known = {each.question for each in self.kept.replies}
        left = [each for each in self.questions if each.id not in known]
        if not left:
            return
        waiting = iter(left)
        async with self.endpoint.client() as client:
            await self.endpoint.check(client)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self.concurrency):
                        group.create_task(self._work(client, waiting))
            except* EndpointError as several:
                raise several.exceptions[0] from None

    async def _work(self, client: httpx.AsyncClient, waiting: Iterator[Asked]) -> None:
        for asked in waiting:
            text = f"{asked.question.text}\n{self.instruction}" if self.instruction else asked.question.text
            try:
                answered = await self.endpoint.ask(client, text)
            except QuestionFailed as error:
                self.failed[str(error)] += 1
                continue
            self.kept.add(self._reply(asked, answered))
            self.progress()

    def _reply(self, asked: Asked, answered: Answered) -> Reply:
        question, answer, counted = asked.question, answer_read(answered.text), answered.usage
        output_tokens = max(1, answered.usage.completion_tokens)  # the one that ended it, if no other
        used = usage(self.card, prompt_tokens=counted.prompt_tokens, output_tokens=output_tokens)
        return Reply(
            question=asked.id,
            family=question.family,
            level=question.level,
            stratum=band(question.level),
            right=question.is_right(answer),
            answer=answer,
            prompt_tokens=used.prompt_tokens,
            output_tokens=used.output_tokens,
            flops=used.raw_flops,
            latency_ms=answered.latency_ms,
        )
