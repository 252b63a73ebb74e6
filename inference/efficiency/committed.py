"""The exchange's own committed figures, replayed again from the table of outcomes that they rest on."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from cux.wire.card import ComputeCard
from inference.efficiency.baselines import always
from inference.efficiency.endpoint import Row
from inference.efficiency.mixes import EVERYDAY, SAMPLE_SEED, SAMPLED, drawn
from inference.efficiency.replay import Policy, replay
from inference.efficiency.table import Question, Table, read_table
from inference.efficiency.tuning import policy
from inference.gate.network import read_gate
from inference.training.families.base import band

SPLIT: Final = "test"
_ALWAYS: Final = "always_"
_GFLOP: Final = 10**9
_NEARLY: Final = 1e-6
"""Two sums of floats of the same figure differ by less."""


class NotReproducedError(ValueError):
    """A committed figure does not come out of the committed table."""


class _Figure(msgspec.Struct, frozen=True):
    score: float
    gflops: float


class Report(msgspec.Struct, frozen=True):
    """What is read of `results.json`."""

    table: str
    gate: str
    machine: str
    commit: str
    measured_at: str
    always_maximum: str
    value_mflop: int
    figures: Mapping[str, Mapping[str, _Figure]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One policy's rows on the test, with the cards its FLOPs are counted by."""

    name: str
    cards: tuple[Mapping[str, Any], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """The report, the table it rests on, and what the gate and each fixed plan made of the test."""

    report: Report
    table: Table
    questions: tuple[Question, ...]
    policies: tuple[Replayed, ...]


def committed(directory: Path, gate: Path) -> Committed:
    """Return the committed results of the gate and of each fixed plan, each replayed and found the same.

    `directory` holds `results.json` and `outcomes.jsonl.gz`. Raises NotReproducedError, OSError,
    msgspec.ValidationError.
    """
    report = msgspec.json.decode((directory / "results.json").read_bytes(), type=Report)
    source = directory / "outcomes.jsonl.gz"
    for path, expected in ((source, report.table), (gate, report.gate)):
        if sha256(path.read_bytes()).hexdigest() != expected:
            raise NotReproducedError(f"{path.name} is not the one that the figures were made with")
    table = read_table(source)
    questions = drawn(table.of_split(SPLIT), EVERYDAY, band, count=SAMPLED[SPLIT], seed=SAMPLE_SEED)
    cards = {rung: ComputeCard.from_payload(card) for rung, card in table.origin.cards.items()}
    chosen: dict[str, Policy] = {
        "gate": policy(read_gate(gate), cards, report.value_mflop, report.always_maximum),
        **{_ALWAYS + rung: always(rung) for rung in table.origin.rungs},
    }
    return Committed(
        report,
        table,
        questions,
        tuple(_replayed(name, each, questions, report, table) for name, each in chosen.items()),
    )


def _replayed(
    name: str, chosen: Policy, questions: tuple[Question, ...], report: Report, table: Table
) -> Replayed:
    results = replay(questions, chosen)
    count, said = len(results), report.figures[SPLIT][name]
    score = sum(each.right for each in results) / count
    gflops = sum(each.flops for each in results) / count / _GFLOP
    if abs(score - said.score) > _NEARLY or abs(gflops - said.gflops) > _NEARLY * gflops:
        raise NotReproducedError(f"{name}: {score} at {gflops} GFLOP, not {said.score} at {said.gflops}")
    rung = name.removeprefix(_ALWAYS)
    cards = table.origin.cards
    return Replayed(
        name=name,
        cards=(cards[rung],) if rung in cards else tuple(_distinct(cards)),
        rows=tuple(
            Row(
                question=each.question.id,
                family=each.question.family,
                level=each.question.level,
                stratum=band(each.question.level),
                right=each.right,
                flops=each.flops,
            )
            for each in results
        ),
    )


def _distinct(cards: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return each card once: rungs of the same depth share theirs."""
    return list({str(sorted(card.items())): card for card in cards.values()}.values())
