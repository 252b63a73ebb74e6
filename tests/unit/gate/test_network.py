"""The gate's arithmetic by hand, and files that hold no gate."""

import math
from pathlib import Path
from zlib import crc32

import pytest

from inference.gate.arrays import ArraysError
from inference.gate.evidence import Evidence
from inference.gate.features import BUCKETS, features
from inference.gate.network import Guess, read_gate
from tests.unit.gate.files import Arrays, common, member, write_arrays

RUNGS = {"rungs": "direct-10 think-30"}
FITTING = member("0", offsets=(1.0,) * 4) | common()
HARD = crc32(b"hard") % BUCKETS


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_a_guess_is_the_members_mean_and_their_spread(tmp_path: Path) -> None:
    # "hard" lights unit 1, which counts against an output; the members differ on the first rung only.
    rows = {HARD: (-3.0, 2.0)}
    arrays = member("0", offsets=(1.0, 3.0, 2.0, 4.0), rows=rows) | common()
    arrays |= member("1", offsets=(-1.0, 3.0, 2.0, 5.0), rows=rows)
    gate = read_gate(write_arrays(tmp_path / "gate.safetensors", arrays, RUNGS))
    plain, hard = gate.guess("easy"), gate.guess("hard")
    assert plain["direct-10"] == Guess(500_000, round((sigmoid(1) - 0.5) * 10**6), round(math.expm1(2)))
    assert plain["think-30"] == Guess(round(sigmoid(3) * 10**6), 0, round(math.expm1(4.5)))
    lit = 2 * math.log1p(1)
    assert hard["think-30"] == Guess(round(sigmoid(3 - lit) * 10**6), 0, round(math.expm1(4.5 - lit)))
    mean = (sigmoid(1 - lit) + sigmoid(-1 - lit)) / 2
    assert hard["direct-10"].correct_ppm == round(mean * 10**6)
    assert gate.evidence["direct-10"] == Evidence(0.0, 1.0, 2.0)
    assert gate.evidence["think-30"] == Evidence(0.5, 0.0, 0.0)
    assert hard["direct-10"].output_tokens == 1  # an answer has one at least
    # Two members of two units; one word and its two pairs, eight scalars, four outputs.
    assert gate.flops("hard") == 2 * (2 * 2 * (3 + 8 + 4))


def test_what_never_came_up_in_training_is_unfamiliar(tmp_path: Path) -> None:
    seen = [*features("how many apples").buckets]
    arrays = member("0", offsets=(0.0,) * 4) | common(seen)
    gate = read_gate(write_arrays(tmp_path / "gate.safetensors", arrays, RUNGS))
    assert gate.familiar_ppm("how many apples") == 1_000_000
    assert gate.familiar_ppm("how many pears") == 1_000_000 * 4 // 7  # ^ how, how, how many, many
    assert gate.familiar_ppm("prove Fermat") == 0


@pytest.mark.parametrize(
    ("arrays", "metadata", "message"),
    [
        ({}, RUNGS, "holds no gate"),
        (FITTING, {}, "holds no gate"),
        (member("0", offsets=(1.0,) * 2) | common(), RUNGS, r"expected 0.weights of \(4, 2\), was \(2, 2\)"),
        ({k: v for k, v in FITTING.items() if k != "0.bias"}, RUNGS, "expected 0.bias of .* was not there"),
        (member("0", offsets=(1.0,) * 4), RUNGS, "expected known of"),
    ],
    ids=["empty", "no rungs", "fewer rungs", "no bias", "nothing known"],
)
def test_a_file_that_is_no_gate_is_refused(
    tmp_path: Path, arrays: Arrays, metadata: dict, message: str
) -> None:
    with pytest.raises(ArraysError, match=message):
        read_gate(write_arrays(tmp_path / "gate.safetensors", arrays, metadata))


@pytest.mark.parametrize("cut", [0, 4, 100, -10])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    path = write_arrays(tmp_path / "gate.safetensors", FITTING, RUNGS)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ArraysError, match="holds no arrays of half precision"):
        read_gate(path)
