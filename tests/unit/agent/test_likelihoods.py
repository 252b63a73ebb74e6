"""How likely tokens were, as vLLM says it and as the protocol carries it."""

import asyncio
import json
from typing import Any

import pytest

from agent.answer import Answer, replay
from agent.engine_client import EngineError, _chunk
from agent.likelihoods import micro_nats
from cux.wire.fields import MICRO_NATS_MAX
from tests.unit.agent.test_answer import FINISHED, collected, lease

ODD = {"token_id:7": -0.25, "token_id:9": -1.5, "token_id:8": -2.0}
"""What vLLM lists where the token drawn, 7, was not the likeliest: one more than was asked for."""
TOLD = {
    "tokens": ["token_id:8", "token_id:7"],
    "token_logprobs": [-2.0, -0.25],
    "top_logprobs": [ODD, {"token_id:7": -0.25, "token_id:9": -1.5}],
}


def event(logprobs: dict[str, Any] | None) -> str:
    return json.dumps({"choices": [{"token_ids": [8, 7], "logprobs": logprobs}]})


def test_each_id_comes_with_its_own_and_the_likeliest_in_its_place():
    chunk = _chunk(event(TOLD), 2)
    assert chunk is not None
    assert (chunk.ids, chunk.logprobs) == ([8, 7], [2_000_000, 250_000])
    assert chunk.top_logprobs == [[(7, 250_000), (9, 1_500_000)]] * 2


def test_without_likeliest_ids_each_comes_with_its_own_alone():
    chunk = _chunk(event(TOLD | {"top_logprobs": [{"token_id:8": -2.0}, {"token_id:7": -0.25}]}), 0)
    assert chunk is not None
    assert (chunk.logprobs, chunk.top_logprobs) == ([2_000_000, 250_000], [])


def test_what_was_not_asked_for_is_left_out():
    chunk = _chunk(event(TOLD), None)
    assert chunk is not None
    assert (chunk.logprobs, chunk.top_logprobs) == ([], [])


@pytest.mark.parametrize(
    "given",
    [
        None,
        TOLD | {"tokens": ["token_id:8", "token_id:6"]},
        TOLD | {"tokens": ["token_id:8", "seven"]},
        TOLD | {"token_logprobs": [-2.0]},
        TOLD | {"token_logprobs": [-2.0, None]},
        TOLD | {"top_logprobs": [ODD]},
        TOLD | {"top_logprobs": [ODD, {"token_id:7": -0.25}]},
    ],
    ids=["none", "others", "text", "short", "null", "unlisted", "few"],
)
def test_an_engine_that_tells_them_wrong_has_failed(given: dict[str, Any] | None):
    with pytest.raises(EngineError) as failed:
        _chunk(event(given), 2)
    assert failed.value.code == "engine_failed"


def test_micro_nats_are_negated_rounded_and_bounded():
    assert [micro_nats(each) for each in (-0.0, 1e-9, -1.2345675e-3, -9999.0)] == [
        0,
        0,
        1_235,
        MICRO_NATS_MAX,
    ]


def test_the_log_and_every_upload_carry_them(tmp_path):
    async def scenario() -> None:
        answer = Answer.begin(lease(), tmp_path)
        answer.append([8], [2_000_000], [[(7, 250_000)]])
        answer.append([7], [250_000], [[(7, 250_000)]])
        answer.finish(FINISHED)
        expected = {
            "type": "tokens",
            "ids": [8, 7],
            "logprobs": [2_000_000, 250_000],
            "top_logprobs": [[[7, 250_000]]] * 2,
        }
        assert (await collected(answer))[0] == expected
        answer.close(delivered=False)
        (found,) = replay(tmp_path)
        assert (await collected(found))[0] == expected

    asyncio.run(scenario())


def test_a_line_with_them_stays_within_what_the_relay_reads(tmp_path):
    async def scenario() -> None:
        answer = Answer.begin(lease(), tmp_path)
        most = [(2**31 - 1, MICRO_NATS_MAX)] * 20
        answer.append([2**31 - 1] * 1_025, [MICRO_NATS_MAX] * 1_025, [most] * 1_025)
        answer.finish(FINISHED)
        lines = [line async for line in answer.lines()]
        assert [len(json.loads(line).get("ids", ())) for line in lines] == [1_024, 1, 0]
        assert max(map(len, lines)) <= 1_048_576
        answer.close(delivered=True)

    asyncio.run(scenario())
