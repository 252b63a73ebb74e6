"""Publish the ladder: `python -m inference.training.ladder --model M --out DIRECTORY [--per-cell N]`.

Runs every rung (direct or think, at each depth) on the same held-out questions, each depth in a vLLM of its
own, and writes accuracy × tokens × FLOPs by family and level: `ladder.json`, `ladder.svg`, and the tables on
standard output as Markdown. FLOPs are those of the closed form with the rung's number of layers, equal to
vLLM's own counter. The replies are kept in `DIRECTORY/replies-K.jsonl`: a depth that has its file is not run
again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from inference.engines.model_card import rung_card
from inference.training.ladder_plot import plot
from inference.training.ladder_table import Outcome, markdown, summary
from inference.training.network_shape import DEPTHS
from inference.training.rungs import Reply, questions


def replies_of(model: Path, out: Path, depth: int, per_cell: int, seed: int) -> list[Reply]:
    """The replies of both modes at `depth`, run now unless they were run already."""
    kept = out / f"replies-{depth}.jsonl"
    if not kept.exists():
        command = [sys.executable, "-m", "inference.training.rungs", "--model", str(model)]
        command += ["--depth", str(depth), "--per-cell", str(per_cell), "--seed", str(seed)]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        lines = [line for line in run.stdout.splitlines() if line.startswith('{"number"')]
        kept.write_text("\n".join(lines) + "\n")
    return [Reply(**json.loads(line)) for line in kept.read_text().splitlines()]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="directory of the merged checkpoint")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--per-cell", type=int, default=20, help="questions of each family and level")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    asked = questions(options.seed, options.per_cell)
    outcomes = [
        Outcome.of(asked[reply.number], reply, card)
        for depth in DEPTHS
        for card in (rung_card(options.model, depth),)
        for reply in replies_of(options.model, options.out, depth, options.per_cell, options.seed)
    ]
    table = summary(outcomes)
    (options.out / "ladder.json").write_text(json.dumps(table, indent=1) + "\n")
    (options.out / "ladder.svg").write_text(plot(table))
    sys.stdout.write(markdown(table))


if __name__ == "__main__":
    main()
