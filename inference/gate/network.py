"""The gate's network, forward only: several small ones of different seeds, whose disagreement is the doubt.

Of each member, with E the buckets' rows, S the scalars' and two outputs a rung:

    h = relu(Σ_bucket value · E[bucket] + S·scalars + b)
    P(rung is right) = σ(W·h + c),   ln(1 + output tokens) = W'·h + c'

A member is 8,192 × 16 numbers and little else. Only the rows of words that occur are touched, some 10^4
operations a question: about a millisecond, less than a millionth of the FLOPs of a job.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.money import PPM
from inference.gate.arrays import Array, ArraysError, read_arrays
from inference.gate.evidence import Evidence
from inference.gate.features import BUCKETS, SCALARS, Features, features


@dataclass(frozen=True, slots=True)
class Guess:
    """What the gate thinks of one rung: its chance of being right, how far the members differ on it, and how
    many tokens the answer will have."""

    correct_ppm: int
    doubt_ppm: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Member:
    """One network's arrays, row by row."""

    rows: Sequence[float]
    scalars: Sequence[float]
    bias: Sequence[float]
    weights: Sequence[float]
    offsets: Sequence[float]

    def outputs(self, seen: Features) -> list[float]:
        """Return W·h + c: the logit of each rung's chance, then the logarithm of each rung's tokens."""
        width = len(self.bias)
        hidden = list(self.bias)
        for table, entries in ((self.rows, seen.buckets.items()), (self.scalars, enumerate(seen.scalars))):
            for row, value in entries:
                start = row * width
                for unit, weight in enumerate(table[start : start + width]):
                    hidden[unit] += value * weight
        hidden = [max(0.0, each) for each in hidden]
        return [
            offset + sum(map(float.__mul__, hidden, self.weights[row * width : (row + 1) * width]))
            for row, offset in enumerate(self.offsets)
        ]

    def flops(self, seen: Features) -> int:
        """Return the floating-point operations of `outputs`, counted as the gate's own compute."""
        return 2 * len(self.bias) * (len(seen.buckets) + len(seen.scalars) + len(self.offsets))


@dataclass(frozen=True, slots=True)
class Gate:
    """A trained gate: its members, the buckets it knows, and how each rung's answers are judged.

    `evidence` names the rungs in the order of the outputs.
    """

    members: tuple[Member, ...]
    known: Sequence[float]
    evidence: Mapping[str, Evidence]

    def guess(self, question: str) -> dict[str, Guess]:
        """Return a guess for each rung; deterministic."""
        seen = features(question)
        columns = list(zip(*(member.outputs(seen) for member in self.members), strict=True))
        count = len(self.evidence)
        return {
            rung: _guess(chance, tokens)
            for rung, chance, tokens in zip(self.evidence, columns[:count], columns[count:], strict=True)
        }

    def familiar_ppm(self, question: str) -> int:
        """Return the share of the question's words and pairs that came up in training.

        Far below a million the guesses are about something else, and a safe rung is the better choice.
        """
        buckets = features(question).buckets
        return PPM * sum(1 for bucket in buckets if self.known[bucket]) // max(1, len(buckets))

    def flops(self, question: str) -> int:
        """Return the operations that a guess takes, hashing excepted."""
        seen = features(question)
        return sum(member.flops(seen) for member in self.members)


def read_gate(path: Path) -> Gate:
    """Return the gate in a file. Raises ArraysError if the file holds none, or its sizes are not a gate's."""
    arrays, metadata = read_arrays(path)
    rungs = tuple(metadata.get("rungs", "").split())
    count = sum(1 for name in arrays if name.endswith(".rows"))
    if not rungs or not count:
        raise ArraysError(f"{path.name} holds no gate")
    known, fitted = _checked(arrays, {"known": (BUCKETS,), "evidence": (len(rungs), 3)})
    members = tuple(_member(arrays, f"{number}.", len(rungs)) for number in range(count))
    evidence = {rung: Evidence(*fitted[3 * row : 3 * row + 3]) for row, rung in enumerate(rungs)}
    return Gate(members, known, evidence)


def _member(arrays: Mapping[str, Array], prefix: str, rungs: int) -> Member:
    width = arrays[f"{prefix}rows"].shape[-1]
    shapes = {
        "rows": (BUCKETS, width),
        "scalars": (SCALARS, width),
        "bias": (width,),
        "weights": (2 * rungs, width),
        "offsets": (2 * rungs,),
    }
    return Member(*_checked(arrays, {prefix + part: shape for part, shape in shapes.items()}))


def _checked(arrays: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]) -> list[Sequence[float]]:
    for name, shape in shapes.items():
        if name not in arrays or arrays[name].shape != shape:
            found = arrays[name].shape if name in arrays else "not there"
            raise ArraysError(f"expected {name} of {shape}, was {found}")
    return [arrays[name].numbers for name in shapes]


def _guess(logits: Sequence[float], tokens: Sequence[float]) -> Guess:
    chances = [1 / (1 + math.exp(-_within(each, 40))) for each in logits]
    mean = sum(chances) / len(chances)
    spread = math.sqrt(sum((each - mean) ** 2 for each in chances) / len(chances))
    length = math.expm1(_within(sum(tokens) / len(tokens), 12))
    return Guess(round(mean * PPM), round(spread * PPM), max(1, round(length)))


def _within(value: float, limit: float) -> float:
    return max(-limit, min(limit, value))
