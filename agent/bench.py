"""Measure the capacity of an engine as the exchange counts it: µCU per second by the compute card."""

import asyncio
import random
import time

from agent.engine_client import EngineClient
from cux.wire.agent import Measurement
from cux.wire.card import ComputeCard
from cux.wire.gate import OUTPUT_TOKENS, PROMPT_TOKENS
from cux.wire.metering import compute_ucu

WARM_UP_TOKENS = 4


async def measure(client: EngineClient, card: ComputeCard, *, slots: int, seconds: int) -> Measurement:
    """Keep `slots` completions running for `seconds`, then let the last end; return the rate over all of it.

    Prompts are drawn at random, so nothing is cached. Tokens are counted by the ids that came back. Rates are
    rounded down, the time up. Raises EngineError if the engine fails one.
    """
    await _complete(client, card, WARM_UP_TOKENS)  # an engine's first job is slow, and is not counted
    started = time.monotonic()

    async def keep_busy() -> tuple[int, int]:
        tokens = ucu = 0
        while time.monotonic() < started + seconds:
            output = await _complete(client, card, OUTPUT_TOKENS)
            tokens += output
            ucu += compute_ucu(card, prompt_tokens=PROMPT_TOKENS, output_tokens=output)
        return tokens, ucu

    counts = await asyncio.gather(*(keep_busy() for _ in range(slots)))
    elapsed_ms = int((time.monotonic() - started) * 1_000) + 1
    return Measurement(
        model=card.model,
        tokens_per_second=sum(tokens for tokens, _ in counts) * 1_000 // elapsed_ms,
        ucu_per_second=sum(ucu for _, ucu in counts) * 1_000 // elapsed_ms,
        seconds=-(-elapsed_ms // 1_000),
    )


async def _complete(client: EngineClient, card: ComputeCard, output_tokens: int) -> int:
    """Run one job; return the output tokens that came back."""
    prompt = [random.randrange(card.vocab_size) for _ in range(PROMPT_TOKENS)]  # noqa: S311 (no secret)
    tokens = 0
    async for chunk in client.complete(prompt, max_tokens=output_tokens, ignore_eos=True, temperature=1.0):
        tokens += len(chunk.ids)
    return tokens
