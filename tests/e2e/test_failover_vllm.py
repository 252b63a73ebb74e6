"""A real engine is killed within an answer: another one continues it, token for token as if nothing had been.

Greedy, in float32 and one sequence at a time, so that an engine's tokens depend on nothing else.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from agent.config import EngineConfig
from agent.engine_client import EngineClient, EngineError
from agent.vllm import command, environment, free_port
from config.processes import ROOT
from cux.wire.agent import Lease
from inference.engines.tokenizer import load_tokenizer
from tests.waiting import eventually

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

MODEL = "smollm2-135m-instruct"
DIRECTORY = ROOT / "var" / "models" / MODEL
QUESTION = "Tell a long story about a lighthouse keeper and the sea."
MAX_TOKENS = 60
KILLED_AFTER = 20
START_S = 300.0


class Server:
    """One vLLM server of this test's own, in a session that is killed as a whole."""

    def __init__(self, log: Path) -> None:
        port = free_port()
        config = EngineConfig(
            python=str(ROOT / ".venv-engine/bin/python"),
            model_path=str(DIRECTORY),
            threads=1,
            kv_cache_mib=128,
            max_model_len=512,
            extra_args=["--dtype", "float32"],
        )
        self.url = f"http://127.0.0.1:{port}"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command(config, model=MODEL, slots=1, port=port),
                env=environment(config, os.environ),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_up(self) -> bool:
        """Tell whether it answers."""

        async def ask() -> bool:
            client = EngineClient(self.url, model=MODEL)
            try:
                return await client.is_healthy()
            finally:
                await client.close()

        return asyncio.run(ask())

    def kill(self) -> None:
        """Kill it, and whatever it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def servers(directory: Path) -> Iterator[tuple[Server, Server]]:
    """Start two at once and wait for both."""
    with ExitStack() as ending:
        both = []
        for number in range(2):
            both.append(Server(directory / f"engine-{number}.log"))
            ending.callback(both[-1].kill)
        eventually(lambda: all(each.is_up() for each in both), within_s=START_S)
        yield both[0], both[1]


def lease(prefix: list[int]) -> Lease:
    """A lease of the answer, as far as it has come."""
    return Lease(
        lease_id="lease_1",
        job_id="job_1",
        epoch=1,
        model=MODEL,
        model_revision="r",
        card_hash="0" * 64,
        prompt_token_ids=load_tokenizer(str(DIRECTORY)).chat_ids([{"role": "user", "content": QUESTION}]),
        prefix_token_ids=prefix,
        max_tokens=MAX_TOKENS - len(prefix),
        temperature_milli=0,
        top_p_ppm=1_000_000,
        seed=0,
        stop=[],
        relay_url="http://127.0.0.1:1",
        relay_token="x" * 16,
        deadline="2100-01-01T00:00:00Z",
    )


def answer(server: Server, prefix: list[int], kill_after: int | None = None) -> list[int]:
    """Return the tokens that a server gives before it ends, or before it is killed within them."""

    async def main() -> list[int]:
        client = EngineClient(server.url, model=MODEL)
        ids: list[int] = []
        try:
            async for chunk in client.run(lease(prefix)):
                ids += chunk.ids
                if kill_after is not None and len(ids) >= kill_after:
                    server.kill()
        except EngineError:
            assert kill_after is not None
        finally:
            await client.close()
        return ids

    return asyncio.run(main())


def test_the_tokens_of_an_answer_whose_engine_was_killed_are_those_of_an_uninterrupted_one(
    tmp_path: Path,
) -> None:
    with servers(tmp_path) as (first, second):
        whole = answer(second, [])
        begun = answer(first, [], kill_after=KILLED_AFTER)
        assert KILLED_AFTER <= len(begun) < len(whole)
        assert not first.is_up()
        assert begun + answer(second, begun) == whole
