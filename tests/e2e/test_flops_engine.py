"""The FLOPs that are billed are the FLOPs that run: on the real model, by other people's counters."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engines import engine_url

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "var" / "models" / "smollm2-135m-instruct"

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]


def compare(*arguments: str) -> list[dict[str, Any]]:
    """Run the comparison in the engine environment; its lines."""
    command = [".venv-engine/bin/python", "-m", "inference.engines.flops_check", "--model", str(MODEL)]
    run = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_torch_counts_the_closed_form_within_a_hundredth():
    (job,) = compare()
    assert job["counter"] == "torch"
    assert job["closed_form_flops"] == 11_770_458_624
    assert abs(job["measured_flops"] - 11_770_458_624) * 100 <= 11_770_458_624


def test_vllm_counts_the_closed_form_exactly(stack):
    jobs = compare("--no-torch", "--vllm-url", engine_url(stack))
    assert [(job["prompt_tokens"], job["output_tokens"]) for job in jobs] == [(1, 1), (33, 7), (100, 20)]
    for job in jobs:
        assert job["counter"] == "vllm"
        assert job["measured_flops"] == job["closed_form_flops"]
    assert jobs[-1]["measured_flops"] == 27_236_183_040
