"""`manage.py benchmark_efficiency` from its options to its result file."""

import json
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command

from cux.wire.efficiency import EfficiencyEntry
from tests.integration.inference.scene import smollm_card
from tests.support.openai_double import OpenAIDouble, Said, running
from tests.unit.benchmarking.test_run import ANSWERS, QUESTIONS


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.json"
    path.write_text(json.dumps(smollm_card("double").to_payload()))
    return path


def command(url: str, card: Path, out: Path, *more: str) -> str:
    told = StringIO()
    options = ["--model", "double", "--base-url", url, "--card", str(card), "--out", str(out)]
    options += ["--families", "unseen", "--per-cell", "1", "--api-key-env", "NO_SUCH_KEY"]
    call_command("benchmark_efficiency", *options, *more, stdout=told, stderr=StringIO())
    return told.getvalue()


def test_the_result_is_written_beside_the_replies(tmp_path: Path, card: Path) -> None:
    out = tmp_path / "run.jsonl"
    with running(OpenAIDouble(lambda text, _: Said(ANSWERS[text]))) as url:
        told = command(url, card, out, "--layers", "10", "--name", "ten layers")
    entry = msgspec.json.decode(out.with_suffix(".json").read_bytes(), type=EfficiencyEntry)
    assert (entry.name, entry.model, entry.questions) == ("ten layers", "double", len(QUESTIONS))
    assert (entry.score_ppm.value, entry.score_ppm.low, entry.score_ppm.high) == (10**6, 10**6, 10**6)
    assert entry.request == '{"max_tokens": 256}'
    assert "ten layers: 15 questions, seed 1" in told
    assert "100.0 [100.0, 100.0] %" in told


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--layers", "31"), "30 layers, not 31"),
        (("--request", "[]"), "--request is a JSON object"),
        (("--request", "{"), "--request is not JSON"),
        (("--concurrency", "0"), "--concurrency is at least 1"),
        ((), "cannot be reached"),
    ],
)
def test_what_is_wrong_is_said(more: tuple[str, ...], words: str, tmp_path: Path, card: Path) -> None:
    with pytest.raises(CommandError, match=words):
        command("http://127.0.0.1:1/v1", card, tmp_path / "run.jsonl", *more)
