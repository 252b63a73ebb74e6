"""The agent's log of an answer: written before anything is sent, readable after any kind of end."""

import asyncio
import json
from typing import Any

import pytest

from agent.answer import Answer, replay
from cux.wire.agent import FailedLine, FinishedLine, Lease

FINISHED = FinishedLine(finish_reason="stop", prompt_tokens=1, output_tokens=3, provider_signature="ab" * 64)


def lease(lease_id: str = "l1") -> Lease:
    return Lease(
        lease_id=lease_id,
        job_id="j1",
        epoch=1,
        model="m",
        model_revision="r",
        card_hash="0" * 64,
        prompt_token_ids=[5_551_212],
        max_tokens=3,
        temperature_milli=0,
        top_p_ppm=1_000_000,
        seed=0,
        stop=[],
        relay_url="http://relay",
        relay_token="relay-token-0000",
        deadline="2026-01-01T00:00:00Z",
    )


async def collected(answer: Answer) -> list[dict[str, Any]]:
    return [json.loads(line) async for line in answer.lines()]


def test_a_whole_answer_is_read_back_and_the_prompt_is_not_in_it(tmp_path):
    answer = Answer.begin(lease(), tmp_path)
    answer.append([1, 2])
    answer.append([3])
    answer.finish(FINISHED)
    answer.close(delivered=False)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"5551212" not in path.read_bytes()
    (found,) = replay(tmp_path)
    assert (found.ids, found.end) == ([1, 2, 3], FINISHED)
    assert found.delivery == answer.delivery


def test_a_log_cut_off_anywhere_reads_as_what_was_whole(tmp_path):
    answer = Answer.begin(lease(), tmp_path)
    answer.append([1, 2])
    answer.finish(FINISHED)
    answer.close(delivered=False)
    path = tmp_path / "l1.ndjson"
    content = path.read_bytes()
    first, second, _ = (len(line) for line in content.splitlines(keepends=True))
    for length in range(len(content)):
        path.write_bytes(content[:length])
        found = list(replay(tmp_path))
        if length < first:
            assert found == []
            assert not path.exists(), "nothing can have been uploaded: it is deleted"
        else:
            assert [answer.ids for answer in found] == [[1, 2] if length >= first + second else []]
            assert found[0].end is None


def test_a_log_with_garbage_in_it_is_deleted(tmp_path):
    (tmp_path / "l1.ndjson").write_bytes(b'{"lease_id": 7}\n')
    assert list(replay(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_delivered_answer_leaves_no_log_and_can_not_grow(tmp_path):
    answer = Answer.begin(lease(), tmp_path)
    answer.close(delivered=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="closed"):
        answer.append([1])
    assert answer.ids == []


def test_what_is_logged_is_logged_before_it_can_be_sent(tmp_path, monkeypatch):
    answer = Answer.begin(lease(), tmp_path)
    answer.append([1])

    def full(_descriptor, _data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(OSError, match="No space"):
        answer.append([2])
    with pytest.raises(OSError, match="No space"):
        answer.finish(FINISHED)
    assert (answer.ids, answer.end) == ([1], None)
    monkeypatch.undo()
    answer.close(delivered=True)


def test_each_reading_starts_at_token_0_with_the_lines_joined(tmp_path):
    async def scenario() -> None:
        answer = Answer.begin(lease(), tmp_path)
        for token in range(3):
            answer.append([token])
        answer.finish(FailedLine(code="engine_failed", message="m"))
        expected = [
            {"type": "tokens", "ids": [0, 1, 2]},
            {"type": "failed", "code": "engine_failed", "message": "m"},
        ]
        assert await collected(answer) == expected
        assert await collected(answer) == expected
        answer.close(delivered=True)

    asyncio.run(scenario())


def test_a_long_answer_is_sent_in_lines_of_what_one_line_may_hold(tmp_path):
    async def scenario() -> None:
        answer = Answer.begin(lease(), tmp_path)
        answer.append(list(range(65_537)))
        answer.finish(FINISHED)
        first, second, last = await collected(answer)
        assert (len(first["ids"]), second["ids"], last["type"]) == (65_536, [65_536], "finished")
        answer.close(delivered=True)

    asyncio.run(scenario())


def test_tokens_that_come_together_are_gathered_into_one_line(tmp_path):
    async def scenario() -> None:
        answer = Answer.begin(lease(), tmp_path)
        answer.append([0])
        reading = answer.lines()
        assert json.loads(await anext(reading)) == {"type": "tokens", "ids": [0]}
        following = asyncio.ensure_future(anext(reading))
        await asyncio.sleep(0)
        for token in (1, 2, 3):
            answer.append([token])
        assert json.loads(await following) == {"type": "tokens", "ids": [1, 2, 3]}
        answer.finish(FINISHED)
        assert json.loads(await anext(reading))["type"] == "finished"
        answer.close(delivered=True)

    asyncio.run(scenario())
