"""Adaptive compute against fixed compute: right answers for the FLOPs, everything CUX spends counted.

    python -m benchmarks.efficiency [--quick]

Replays policies over the committed outcome table (`docs/efficiency/outcomes.jsonl.gz`: every question asked
once on each rung, on vLLM), so all are held against the very same answers. Always-maximum (the cheapest rung
within half a point of the best) and the router's one setting are chosen on the split `validation`; the split
`test` and the families of `unseen` come in wordings nobody trained on, from seeds that were sealed before the
gate was trained. Intervals are 95 %, by paired bootstrap, printed as `…_low` and `…_high`. One JSON line
each; the whole report goes to `docs/efficiency/results.json` and `results.svg` unless
`--quick`.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Final

from benchmarks import figure
from core.clock import rfc3339, utc_now
from core.commit import code_commit
from cux.wire.card import ComputeCard
from inference.efficiency import baselines
from inference.efficiency.fixed import Point, always_maximum, fixed_points, point
from inference.efficiency.gated import Gated
from inference.efficiency.mixes import EVERYDAY, REVERSED, SAMPLE_SEED, SAMPLED, drawn
from inference.efficiency.plot import plot
from inference.efficiency.replay import Policy, Result, replay
from inference.efficiency.report import Figures, figures
from inference.efficiency.statistics import Interval, paired, score_difference
from inference.efficiency.table import Question, Table, read_table
from inference.efficiency.tuning import policy, tuned
from inference.gate.network import Gate, read_gate
from inference.training.families.base import band

ROOT: Final = Path(__file__).resolve().parent.parent
REPORT: Final = ROOT / "docs" / "efficiency"
GATE: Final = ROOT / "inference" / "gate" / "ladders" / "reasoner-135m.safetensors"
SHUFFLED: Final = REPORT / "shuffled-labels.safetensors"
PICTURED: Final = ("random_plan", "confidence_cascade", "family_prior", "cascade_oracle", "query_oracle")
LIKELY: Final = (800_000, 900_000, 950_000, 980_000, 990_000, 995_000, 998_000)


class Bench:
    """The table, and what was chosen on its validation split."""

    def __init__(self, table: Table) -> None:
        """Choose always-maximum, and look at nothing but `validation`."""
        self.table = table
        self.rungs = table.origin.rungs
        self.cards = {rung: ComputeCard.from_payload(card) for rung, card in table.origin.cards.items()}
        self.validation = self.mixed("validation")
        points = fixed_points(self.validation, self.rungs)
        self.maximum = always_maximum(points)
        self.most = points[self.maximum]

    def mixed(self, split: str, mix: dict[str, int] | None = None) -> tuple[Question, ...]:
        """Return the split's questions in a mix, 70/20/10 unless told otherwise."""
        questions = self.table.of_split(split)
        return drawn(questions, mix or EVERYDAY, band, count=SAMPLED[split], seed=SAMPLE_SEED)

    def gated(self, path: Path) -> tuple[int, Gated]:
        """Return the gate in a file as a policy whose value is chosen on validation, and that value."""
        gate = read_gate(path)
        value, _ = tuned(self.validation, self.most, lambda each: self._policy(gate, each))
        return value, self._policy(gate, value)

    def cascade(self) -> Policy:
        """Return the cheapest confidence cascade that is as good as always-maximum on validation."""
        tried = {
            likely: point(str(likely), replay(self.validation, self._climb(likely))) for likely in LIKELY
        }
        enough = [likely for likely, each in tried.items() if each.score >= self.most.score]
        best = min(enough, key=lambda likely: tried[likely].flops, default=max(LIKELY))
        return self._climb(best)

    def compare(self, questions: Sequence[Question], chosen: Policy) -> Figures:
        """Return a policy's figures on some questions."""
        fixed = [replay(questions, baselines.always(rung)) for rung in self.rungs]
        return figures(replay(questions, chosen), fixed, self.rungs.index(self.maximum))

    def _climb(self, likely: int) -> Policy:
        rungs = (*[rung for rung in self.rungs if rung.startswith("direct")], self.maximum)
        return baselines.confidence_cascade(tuple(dict.fromkeys(rungs)), likely)

    def _policy(self, gate: Gate, value: int) -> Gated:
        return policy(gate, self.cards, value, self.maximum)


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="print only; write no report")
    asked = parser.parse_args()
    source = REPORT / "outcomes.jsonl.gz"
    bench = Bench(read_table(source))
    value, gate = bench.gated(GATE)
    test, unseen = bench.mixed("test"), bench.mixed("unseen")
    reversed_mix = bench.mixed("test", dict(REVERSED))
    policies: dict[str, Policy] = {
        "gate": gate,
        "gate_of_shuffled_labels": bench.gated(SHUFFLED)[1],
        "random_plan": baselines.random_mix(
            bench.rungs[0], bench.maximum, large_ppm=500_000, seed=SAMPLE_SEED
        ),
        "confidence_cascade": bench.cascade(),
        "length_rule": baselines.by_length("direct-30", bench.maximum, longest=40),
        "family_prior": baselines.by_family(_best_by_family(bench), bench.maximum),
        "cascade_oracle": baselines.cascade_oracle(bench.rungs),
        "query_oracle": baselines.query_oracle(bench.rungs),
        **{f"always_{rung}": baselines.always(rung) for rung in bench.rungs},
    }
    all_figures = {
        mix: {name: bench.compare(questions, each) for name, each in policies.items()}
        for mix, questions in (("test", test), ("unseen", unseen), ("reversed", reversed_mix))
    }
    _print(all_figures, f"always_{bench.maximum}", _complex(bench, gate))
    if not asked.quick:
        report = {
            "table": sha256(source.read_bytes()).hexdigest(),
            "gate": sha256(GATE.read_bytes()).hexdigest(),
            "machine": bench.table.origin.machine,
            "commit": code_commit(),
            "measured_at": rfc3339(utc_now()),
            "always_maximum": bench.maximum,
            "value_mflop": value,
            "figures": {m: {n: asdict(f) for n, f in each.items()} for m, each in all_figures.items()},
        }
        (REPORT / "results.json").write_text(json.dumps(report, indent=1) + "\n")
        (REPORT / "results.svg").write_text(_picture(all_figures["test"]))


def _best_by_family(bench: Bench) -> dict[str, str]:
    """Return for each family of `train` the cheapest rung within half a point of its best."""
    questions = bench.table.of_split("train")
    families = {each.family for each in questions}
    return {
        family: always_maximum(
            fixed_points([each for each in questions if each.family == family], bench.rungs)
        )
        for family in families
    }


def _complex(bench: Bench, gate: Policy) -> Interval:
    """Return by how many points the gate is below always-maximum on all hard questions of the test."""
    hard = [each for each in bench.table.of_split("test") if band(each.level) == "hard"]
    mine: tuple[Result, ...] = replay(hard, gate)
    return paired(mine, replay(hard, baselines.always(bench.maximum)), score_difference)


def _print(all_figures: dict[str, dict[str, Figures]], maximum: str, hard: Interval) -> None:
    """Print each figure; the baseline of scores and FLOPs is always-maximum's."""
    for mix, suffix in (("test", ""), ("unseen", "_unseen"), ("reversed", "_reversed")):
        mine = all_figures[mix]["gate"]
        _interval(f"efficiency.flops_saved{suffix}", mine.flops_saved, "share")
        _interval(f"efficiency.score_difference{suffix}", mine.score_difference, "points")
        _interval(f"efficiency.score_per_flop{suffix}", mine.score_per_flop, "ratio")
        _interval(f"efficiency.vs_best_fixed{suffix}", mine.vs_best_fixed, "share")
        most = all_figures[mix][maximum]
        oracle = all_figures[mix]["cascade_oracle"].flops_saved.value
        figure(f"efficiency.oracle_share{suffix}", mine.flops_saved.value / oracle, "ratio")
        for name, each in all_figures[mix].items():
            figure(f"efficiency.score{suffix}.{name}", each.score, "share", most.score)
            figure(f"efficiency.gflop{suffix}.{name}", each.gflops, "GFLOP", most.gflops)
    shuffled = all_figures["test"]["gate_of_shuffled_labels"].vs_best_fixed
    _interval("efficiency.vs_best_fixed.shuffled_labels", shuffled, "share")
    _interval(
        "efficiency.vs_best_fixed.random_plan", all_figures["test"]["random_plan"].vs_best_fixed, "share"
    )
    _interval("efficiency.complex_difference", hard, "points")


def _picture(of: dict[str, Figures]) -> str:
    points = {
        name: Point(name.removeprefix("always_").replace("_", " "), each.score, each.gflops * 10**9)
        for name, each in of.items()
    }
    fixed = [each for name, each in points.items() if name.startswith("always")]
    others = [points[name] for name in points if name in PICTURED]
    return plot(fixed, others, points["gate"])


def _interval(name: str, of: Interval, unit: str) -> None:
    for end, value in (("", of.value), ("_low", of.low), ("_high", of.high)):
        figure(name + end, value, unit)


if __name__ == "__main__":
    main()
