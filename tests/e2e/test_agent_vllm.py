"""What the agent relies on in vLLM: an id for every sampled token, seeds that hold, aborts that stop work."""

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator

import pytest

from agent.engine_client import Chunk, EngineClient, EngineError
from tests.e2e.engines import engine_url
from tests.waiting import eventually

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

MODEL = "smollm2-135m-instruct"
# "What is the capital of France?" in the model's chat template; the answer ends with its stop token, 2.
PROMPT = [1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407, 19712]
PROMPT += [8182, 2, 198, 1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531, 198]
ANSWER = [504, 3575, 282, 4649, 314, 7042, 30, 2]


@pytest.fixture
def url(stack):
    return engine_url(stack)


def metric(url: str, name: str) -> float:
    """The value of one of the engine's metrics."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:  # noqa: S310 (this host)
        text = answer.read().decode()
    (value,) = re.findall(rf"^{re.escape(name)}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return float(value)


async def collect(chunks: AsyncIterator[Chunk]) -> tuple[list[int], str | None]:
    """All ids of a completion and how it ended."""
    ids: list[int] = []
    reason = None
    async for chunk in chunks:
        ids += chunk.ids
        reason = chunk.finish_reason
    return ids, reason


def complete(url: str, prompt: list[int], **sampling: object) -> tuple[list[int], str | None]:
    """Run one completion to its end."""

    async def main() -> tuple[list[int], str | None]:
        client = EngineClient(url, model=MODEL)
        try:
            return await collect(client.complete(prompt, **sampling))
        finally:
            await client.close()

    return asyncio.run(main())


def test_the_ids_hold_the_token_that_stops_the_answer(url):
    assert complete(url, PROMPT, max_tokens=20, temperature=0) == (ANSWER, "stop")


def test_the_ids_hold_the_tokens_of_a_stop_string(url):
    found = complete(url, PROMPT, max_tokens=20, temperature=0, stop=["France is"])
    assert found == (ANSWER[:5], "stop")


@pytest.mark.parametrize("stop", [[], ["France is"]], ids=["end", "stop"])
def test_each_id_comes_with_its_likelihood_and_the_likeliest_in_its_place(url, stop):
    async def main() -> list[Chunk]:
        client = EngineClient(url, model=MODEL)
        try:
            asked = {"max_tokens": 20, "temperature": 0, "logprobs": 3, "stop": stop}
            return [chunk async for chunk in client.complete(PROMPT, **asked)]
        finally:
            await client.close()

    chunks = asyncio.run(main())
    ids = [token for chunk in chunks for token in chunk.ids]
    own = [micro for chunk in chunks for micro in chunk.logprobs]
    top = [listed for chunk in chunks for listed in chunk.top_logprobs]
    assert ids == (ANSWER[:5] if stop else ANSWER)
    assert [listed[0] for listed in top] == list(zip(ids, own, strict=True)), "greedy: the likeliest is drawn"
    assert {len(listed) for listed in top} == {3}
    assert all(listed == sorted(listed, key=lambda pair: pair[1]) for listed in top)
    assert 0 < max(own) < 2_000_000


def test_an_answer_ends_at_max_tokens(url):
    assert complete(url, PROMPT, max_tokens=3, temperature=0) == (ANSWER[:3], "length")


def test_one_seed_gives_one_answer(url):
    sampling = {"max_tokens": 12, "temperature": 1.0, "top_p": 0.9, "ignore_eos": True}
    first = complete(url, PROMPT, seed=7, **sampling)
    assert complete(url, PROMPT, seed=7, **sampling) == first
    assert complete(url, PROMPT, seed=8, **sampling) != first


def test_an_impossible_request_is_said_to_be_one(url):
    with pytest.raises(EngineError) as refused:
        complete(url, PROMPT, max_tokens=100_000)
    assert refused.value.code == "invalid_request"


def test_leaving_early_aborts_the_request_in_the_engine(url):
    async def leave() -> None:
        client = EngineClient(url, model=MODEL)
        completion = client.complete(PROMPT, max_tokens=1_500, ignore_eos=True)
        try:
            await anext(completion)
        finally:
            await completion.aclose()  # type: ignore[attr-defined]
            await client.close()

    before = metric(url, "vllm:generation_tokens_total")
    asyncio.run(leave())
    eventually(lambda: metric(url, "vllm:num_requests_running") == 0)
    assert metric(url, "vllm:generation_tokens_total") - before < 200
