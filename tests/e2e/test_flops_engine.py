"""The FLOPs that are billed are the FLOPs that run: on the real model, by other people's counters."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "var" / "models" / "smollm2-135m-instruct"

pytestmark = pytest.mark.vllm


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
