"""Training a gate, on a table whose rule is plain: small sums are known directly, others only by thinking."""

import json
from pathlib import Path
from random import Random

import pytest

from inference.efficiency.table import Origin, Outcome, Question, write_table
from inference.gate.network import read_gate
from tests.e2e.tier_lab import engine_python

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(120)]

RUNGS = ("direct-10", "think-30")


def sums(random: Random, number: int) -> Question:
    digits = random.randint(1, 5)
    first, second = (random.randrange(10 ** (digits - 1), 10**digits) for _ in range(2))

    def outcome(right: bool, tokens: int) -> Outcome:
        sure = 950_000 if right else 500_000
        return Outcome(
            right=right, answer="", flops=tokens, output_tokens=tokens, confidence_ppm=sure, finished=True
        )

    return Question(
        id=str(number),
        family="sums",
        level=digits,
        split="train" if number < 600 else "validation",
        prompt=f"What is {first} + {second}?",
        prompt_tokens=12,
        outcomes={
            "direct-10": (outcome(digits <= 2, 2),),
            "think-30": (outcome(random.random() < 0.95, 10 * digits),),
        },
    )


def fitted(directory: Path, *options: str) -> tuple[dict[str, float], Path]:
    table, gate = directory / "table.gz", directory / "gate.safetensors"
    random = Random(1)
    origin = Origin(model="m", revision="r", machine="any", rungs=RUNGS, seeds={"table": 1})
    write_table(table, origin, [sums(random, number) for number in range(800)])
    said = engine_python("-m", "inference.training.gate_fit", str(table), "--out", str(gate), *options)
    return json.loads(said.splitlines()[-1]), gate


def test_a_gate_learns_what_each_rung_knows(tmp_path: Path) -> None:
    figures, path = fitted(tmp_path)
    assert figures["brier"] < figures["brier_of_shares"] / 3
    assert path.stat().st_size <= 2_000_000
    gate = read_gate(path)
    small, large = gate.guess("What is 7 + 5?"), gate.guess("What is 70000 + 50000?")
    assert small["direct-10"].correct_ppm > 900_000 > 100_000 > large["direct-10"].correct_ppm
    assert large["think-30"].correct_ppm > 800_000
    assert small["think-30"].output_tokens < 20 < 40 < large["think-30"].output_tokens < 60
    assert (
        gate.familiar_ppm("What is 7 + 5?") == 1_000_000 > gate.familiar_ppm("Prove that pi is irrational.")
    )
    # An answer that looks unsure is doubted, whatever was expected.
    judged = gate.evidence["direct-10"]
    sure, unsure = (
        judged.right_ppm(prior_ppm=500_000, confidence_ppm=confidence, finished=True)
        for confidence in (950_000, 500_000)
    )
    assert sure - unsure > 100_000, (sure, unsure)


def test_a_gate_on_outcomes_of_other_questions_learns_nothing(tmp_path: Path) -> None:
    figures, _ = fitted(tmp_path, "--shuffle", "1")
    assert figures["brier"] == pytest.approx(figures["brier_of_shares"], abs=0.01)
