"""Train the reasoner: `python -m inference.training.train --model BASE --out DIRECTORY [--resume]`.

A run is `--steps` long; the learning rate follows a cosine over the steps. It writes a checkpoint every five
minutes and at the end, each replacing the last at once, and goes on from it with `--resume`: the same steps
on the same questions follow as if it had never stopped. `--minutes` ends a sitting after so many minutes in
which both cores worked: processor time, so a run that waits or is paused loses none of it. The log is JSON
lines in `DIRECTORY/log.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from torch.nn.utils import clip_grad_norm_

from inference.training.examples import batch_of
from inference.training.network import Reasoner
from inference.training.objective import Result, judge, lesson_of
from inference.training.stream import Stream

CHECKPOINT: Final = "checkpoint.pt"
LOG: Final = "log.jsonl"
CHECKPOINT_EVERY_S: Final = 300
LOG_EVERY: Final = 25
ROWS, WIDTH = 6, 192
WARMUP_STEPS: Final = 40
RATE_END: Final = 0.02
"""The learning rate's last value, as a part of its highest."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides a run's outcome: kept in its checkpoint, and the same when it goes on."""

    steps: int
    seed: int
    rate: float
    lens_rate: float


class Run:
    """A training run: network, optimiser, how many steps it took, and the processor time they took."""

    def __init__(self, plan: Plan, base: Path, out: Path, threads: int) -> None:
        """Begin a run that writes to `out`."""
        torch.set_num_threads(threads)
        torch.manual_seed(plan.seed)
        self.plan, self.out, self.threads = plan, out, threads
        self.step, self.core_s = 0, 0.0
        self.network = Reasoner(base, seed=plan.seed)
        self.stream = Stream(plan.seed, ROWS, WIDTH)
        tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
        self.encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
        exits = list(self.network.exits.parameters())
        low_rank = [value for value in self.network.body.parameters() if value.requires_grad]
        groups = [
            {"params": low_rank, "highest": plan.rate},
            {"params": exits, "highest": plan.lens_rate},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, weight_decay=0.0, betas=(0.9, 0.98))

    def steps(self) -> Iterator[Result]:
        """Take the steps that are left, one by one."""
        while self.step < self.plan.steps:
            started = time.process_time()
            result = self._take_step()
            self.step += 1
            self.core_s += time.process_time() - started
            yield result

    def _take_step(self) -> Result:
        batch = batch_of(self.stream.examples(self.step, self.encode), WIDTH)
        lesson = lesson_of(batch)
        generator = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + self.step)
        states = self.network(batch, lesson.places)
        result = judge(states, self.network.unembedding, lesson, generator)
        result.loss.backward()
        for group in self.optimizer.param_groups:
            clip_grad_norm_(group["params"], 1.0)
            group["lr"] = group["highest"] * self._rate()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return replace(result, loss=result.loss.detach())

    def _rate(self) -> float:
        """The learning rate at this step as a part of its highest: a short ramp, then half a cosine down."""
        falling = 0.5 * (1 + math.cos(math.pi * self.step / self.plan.steps))
        return min(1.0, (self.step + 1) / WARMUP_STEPS) * (RATE_END + (1 - RATE_END) * falling)

    @property
    def minutes(self) -> float:
        """Minutes of all cores that the steps took."""
        return self.core_s / self.threads / 60

    def save(self) -> None:
        """Replace the checkpoint at once: a killed run finds the old one or the new one, whole."""
        state = {
            "plan": asdict(self.plan),
            "step": self.step,
            "core_s": self.core_s,
            "trained": self.network.trained_state(),
            "optimizer": self.optimizer.state_dict(),
        }
        beside = self.out / f".{CHECKPOINT}"
        torch.save(state, beside)
        os.replace(beside, self.out / CHECKPOINT)

    def load(self) -> None:
        """Go on from the checkpoint; SystemExit where the run it belongs to had another plan."""
        state: dict[str, Any] = torch.load(self.out / CHECKPOINT, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise SystemExit(f"the run in {self.out} has another plan: {state['plan']}")
        self.network.load_trained(state["trained"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.core_s = state["step"], state["core_s"]


class Log:
    """Averages over some steps, as JSON lines in a file and on standard output."""

    def __init__(self, path: Path) -> None:
        """Append to `path`."""
        self.path = path
        self._clear()

    def _clear(self) -> None:
        self.steps = 0
        self.parts: dict[str, float] = defaultdict(float)
        self.right: dict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, run: Run, result: Result) -> None:
        """Note one step; write a line every `LOG_EVERY` steps and at the end."""
        self.steps += 1
        for name, value in ({"all": result.loss.item()} | result.parts).items():
            self.parts[name] += value
        for name, (right, seen) in result.right.items():
            self.right[name][0] += right
            self.right[name][1] += seen
        if run.step % LOG_EVERY == 0 or run.step == run.plan.steps:
            self._write(run)

    def _write(self, run: Run) -> None:
        line = {
            "step": run.step,
            "minutes": round(run.minutes, 2),
            "loss": {name: round(value / self.steps, 4) for name, value in self.parts.items()},
            "right": {name: round(right / seen, 3) for name, (right, seen) in sorted(self.right.items())},
        }
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        self._clear()


def train(run: Run, *, minutes: float) -> None:
    """Take steps until the run is over or this sitting has used its `minutes`; checkpoint all along."""
    log, until, saved_s = Log(run.out / LOG), run.minutes + minutes, time.monotonic()
    for result in run.steps():
        log.add(run, result)
        if time.monotonic() - saved_s >= CHECKPOINT_EVERY_S:
            run.save()
            saved_s = time.monotonic()
        if run.minutes >= until:
            break
    run.save()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="directory of the prepared base model")
    parser.add_argument("--out", type=Path, required=True, help="directory of the run")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the run's checkpoint, if it has one"
    )
    parser.add_argument("--minutes", type=float, default=math.inf, help="end this sitting after so many")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--rate", type=float, default=1e-3, help="highest learning rate of the low-rank parts"
    )
    parser.add_argument("--lens-rate", type=float, default=3e-4, help="and of the exits")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(options.steps, options.seed, options.rate, options.lens_rate)
    run = Run(plan, options.model, options.out, options.threads)
    if (options.out / CHECKPOINT).exists():
        if not options.resume:
            raise SystemExit(f"there is a run in {options.out}: --resume goes on with it")
        run.load()
    train(run, minutes=options.minutes)


if __name__ == "__main__":
    main()
