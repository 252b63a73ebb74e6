"""Questions put to an endpoint over real HTTP: graded, metered, kept; busy, lost and broken endpoints."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from cux.wire.metering import usage
from inference.benchmarking.cards import card_from_file, with_layers
from inference.benchmarking.endpoint import ATTEMPTS, Endpoint, EndpointError
from inference.benchmarking.questions import questions_drawn
from inference.benchmarking.replies import OtherRunError, RepliesFile
from inference.benchmarking.run import Asking
from inference.efficiency.endpoint import Run
from tests.integration.inference.scene import smollm_card
from tests.support.openai_double import OpenAIDouble, Said, running
from tests.unit.efficiency.test_endpoint import RUN

CARD = smollm_card("double")
QUESTIONS = questions_drawn(seed=1, per_cell=1, families="unseen")
ANSWERS = {each.question.text: each.question.answer for each in QUESTIONS}


def ask(
    url: str,
    path: Path,
    *,
    run: Run = RUN,
    key: str = "",
    concurrency: int = 3,
    progress: Callable[[], None] = lambda: None,
) -> tuple[Asking, RepliesFile]:
    endpoint = Endpoint(url, "double", key, {"max_tokens": 64}, first_wait_s=0.001)
    with RepliesFile(path, run) as kept:
        asking = Asking(
            endpoint=endpoint,
            card=CARD,
            questions=QUESTIONS,
            instruction=run.instruction,
            kept=kept,
            concurrency=concurrency,
            progress=progress,
        )
        asyncio.run(asking.run())
    return asking, kept


def right(text: str, _: int) -> Said:
    return Said(ANSWERS[text.split("\nBriefly.")[0]])


def test_every_question_is_asked_once_graded_and_metered(tmp_path: Path) -> None:
    double = OpenAIDouble(lambda text, number: Said(ANSWERS[text] if number % 2 else "wrong"))
    told: list[int] = []
    with running(double) as url:
        asking, kept = ask(url, tmp_path / "run.jsonl", concurrency=4, progress=lambda: told.append(1))
    assert not asking.failed
    assert len(told) == len(QUESTIONS) == len(double.asked)
    assert {each.question for each in kept.replies} == {each.id for each in QUESTIONS}
    assert sum(each.right for each in kept.replies) == len(QUESTIONS) // 2
    flops = usage(CARD, prompt_tokens=20, output_tokens=5).raw_flops
    assert {(each.prompt_tokens, each.output_tokens, each.flops) for each in kept.replies} == {(20, 5, flops)}
    assert {(body["model"], body["temperature"], body["max_tokens"]) for body in double.asked} == {
        ("double", 0, 64)
    }
    assert 1 < double.most_at_once <= 4


def test_an_instruction_follows_each_question(tmp_path: Path) -> None:
    run = Run(**{**{name: getattr(RUN, name) for name in RUN.__struct_fields__}, "instruction": "Briefly."})
    double = OpenAIDouble(right)
    with running(double) as url:
        _, kept = ask(url, tmp_path / "run.jsonl", run=run)
    assert all(body["messages"][0]["content"].endswith("\nBriefly.") for body in double.asked)
    assert all(each.right for each in kept.replies)


def test_a_run_that_was_cut_off_asks_only_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with running(OpenAIDouble(right)) as url:
        ask(url, path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][:10])  # killed within a line
    double = OpenAIDouble(right)
    with running(double) as url:
        _, kept = ask(url, path)
    assert len(double.asked) == 2
    assert len({each.question for each in kept.replies}) == len(kept.replies) == len(QUESTIONS)
    assert path.read_bytes().count(b"\n") == len(QUESTIONS) + 1


def test_a_complete_run_needs_no_endpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with running(OpenAIDouble(right)) as url:
        ask(url, path)
    _, kept = ask("http://127.0.0.1:1/v1", path)
    assert len(kept.replies) == len(QUESTIONS)


def test_replies_of_another_run_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with running(OpenAIDouble(right)) as url:
        ask(url, path)
    other = Run(**{**{name: getattr(RUN, name) for name in RUN.__struct_fields__}, "seed": 2})
    with pytest.raises(OtherRunError, match="another seed"):
        RepliesFile(path, other)


def test_a_busy_endpoint_is_asked_again_when_it_says(tmp_path: Path) -> None:
    def script(text: str, number: int) -> Said:
        return Said(status=429, headers={"Retry-After": "0.01"}) if number < 3 else Said(ANSWERS[text])

    double = OpenAIDouble(script)
    with running(double) as url:
        asking, kept = ask(url, tmp_path / "run.jsonl", concurrency=1)
    assert not asking.failed
    assert len(kept.replies) == len(QUESTIONS)
    assert len(double.asked) == len(QUESTIONS) + 3


def test_questions_without_an_answer_are_told_and_may_be_asked_again(tmp_path: Path) -> None:
    lost = QUESTIONS[0].question.text
    path = tmp_path / "run.jsonl"
    double = OpenAIDouble(lambda text, _: Said(status=503) if text == lost else Said(ANSWERS[text]))
    with running(double) as url:
        asking, kept = ask(url, path)
    assert asking.failed.total() == 1
    assert "503" in next(iter(asking.failed))
    assert len(double.asked) == len(QUESTIONS) - 1 + ATTEMPTS
    with running(OpenAIDouble(right)) as url:
        asking, kept = ask(url, path)
    assert not asking.failed
    assert len(kept.replies) == len(QUESTIONS)


def test_what_is_wrong_with_an_endpoint_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(EndpointError, match="cannot be reached"):
        ask("http://127.0.0.1:1/v1", path)
    with running(OpenAIDouble(right, model="another")) as url, pytest.raises(EndpointError, match="another"):
        ask(url, path)
    with running(OpenAIDouble(right, key="good")) as url:
        with pytest.raises(EndpointError, match="--api-key-env"):
            ask(url, path, key="bad")
        ask(url, path, key="good")


def test_an_endpoint_that_counts_no_tokens_cannot_be_scored(tmp_path: Path) -> None:
    double = OpenAIDouble(lambda text, _: Said("7", prompt_tokens=0))
    with running(double) as url, pytest.raises(EndpointError, match="counts no tokens"):
        ask(url, tmp_path / "run.jsonl")


def test_a_depth_tier_is_counted_by_its_layers(tmp_path: Path) -> None:
    assert with_layers(CARD, 10).layers == 10
    with pytest.raises(ValueError, match="30 layers, not 31"):
        with_layers(CARD, 31)
    nothing = tmp_path / "card.json"
    nothing.write_text("[]")
    with pytest.raises(ValueError, match="neither"):
        card_from_file(nothing, model="m")
