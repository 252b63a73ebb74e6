"""Train a gate on an outcome table, and write it as plain arrays.

    python -m inference.training.gate_fit TABLE --out gate.safetensors [--shuffle SEED]

Five members start from different seeds and see different resamples of the split `train`. Their chances are
then calibrated on the split `validation` (Platt 1999), and the rule of `inference.gate.evidence` is fitted
there for each rung. `--shuffle` deals the outcomes out to other questions first: a gate that still seems to
gain from that has learnt nothing, it was tuned.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import mse_loss

from inference.efficiency.table import Question, read_table
from inference.gate.features import BUCKETS, SCALARS, features

MEMBERS: Final = 5
WIDTH: Final = 16
EPOCHS: Final = 40
BATCH: Final = 64
RATE: Final = 3e-3
DECAY: Final = 1e-4
FORGOTTEN: Final = 0.2
"""The share of words left out at each step, so that no single cue decides."""
LENGTH_WEIGHT: Final = 0.1
"""How much the error of ln(1 + tokens) counts beside the cross-entropy of being right."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Questions as tensors: `values` of (question, bucket) pairs, and each rung's outcome."""

    buckets: Tensor
    values: Tensor
    starts: Tensor
    scalars: Tensor
    right: Tensor
    log_tokens: Tensor
    log_confidence: Tensor
    finished: Tensor

    def pick(self, rows: Tensor) -> "Examples":
        """Return the examples of these rows."""
        ends = torch.cat([self.starts[1:], torch.tensor([len(self.buckets)])])
        sizes = ends[rows] - self.starts[rows]
        starts = sizes.cumsum(0) - sizes
        moved = torch.repeat_interleave(self.starts[rows] - starts, sizes)
        kept = moved + torch.arange(len(moved))
        dense = (self.scalars, self.right, self.log_tokens, self.log_confidence, self.finished)
        return Examples(self.buckets[kept], self.values[kept], starts, *(each[rows] for each in dense))


class Network(nn.Module):
    """The member of `inference.gate.network`, to be trained."""

    def __init__(self, rungs: int) -> None:
        super().__init__()
        self.rows = nn.EmbeddingBag(BUCKETS, WIDTH, mode="sum")
        nn.init.normal_(self.rows.weight, std=0.1)
        self.scalars = nn.Linear(SCALARS, WIDTH)
        self.outputs = nn.Linear(WIDTH, 2 * rungs)

    def forward(self, seen: Examples) -> tuple[Tensor, Tensor]:
        """Return the logits of being right and ln(1 + tokens), each (questions, rungs)."""
        values = seen.values
        if self.training:
            values = values * (torch.rand_like(values) >= FORGOTTEN) / (1 - FORGOTTEN)
        words = self.rows(seen.buckets, seen.starts, per_sample_weights=values)
        logits, lengths = self.outputs(torch.relu(words + self.scalars(seen.scalars))).chunk(2, dim=-1)
        return logits, lengths


def encode(questions: Sequence[Question], rungs: Sequence[str]) -> Examples:
    """Return the questions as tensors."""
    seen = [features(each.prompt) for each in questions]
    first = [[each.outcomes[rung][0] for rung in rungs] for each in questions]
    sizes = torch.tensor([len(each.buckets) for each in seen])

    def of_outcomes(values: list[list[float]]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32)

    return Examples(
        buckets=torch.tensor([bucket for each in seen for bucket in each.buckets]),
        values=torch.tensor([value for each in seen for value in each.buckets.values()]),
        starts=sizes.cumsum(0) - sizes,
        scalars=torch.tensor([each.scalars for each in seen]),
        right=of_outcomes([[float(each.right) for each in row] for row in first]),
        log_tokens=of_outcomes([[each.output_tokens for each in row] for row in first]).log1p(),
        log_confidence=of_outcomes([[each.confidence_ppm / 1e6 for each in row] for row in first])
        .clamp(1e-3, 1 - 1e-3)
        .log(),
        finished=of_outcomes([[float(each.finished) for each in row] for row in first]),
    )


def train_member(examples: Examples, seed: int) -> Network:
    """Return a member trained on a resample of the examples."""
    torch.manual_seed(seed)
    count = len(examples.starts)
    network = Network(examples.right.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    drawn = torch.randint(count, (count,))
    for _ in range(EPOCHS):
        for rows in drawn[torch.randperm(count)].split(BATCH):
            batch = examples.pick(rows)
            logits, lengths = network(batch)
            loss = cross_entropy(logits, batch.right) + LENGTH_WEIGHT * mse_loss(lengths, batch.log_tokens)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.eval()
    return network


def calibrate(network: Network, examples: Examples) -> None:
    """Scale each rung's logit so that its chances are those seen: its weights take the scale in."""
    weight, bias = network.outputs.weight.data, network.outputs.bias.data
    logits, _ = network(examples)
    for rung in range(logits.shape[1]):
        scale, offset = _logistic(logits[:, rung : rung + 1].detach(), examples.right[:, rung])
        scale = scale.clamp(min=0.05)
        weight[rung] *= scale
        bias[rung] = bias[rung] * scale + offset


def fit_evidence(networks: Sequence[Network], examples: Examples) -> Tensor:
    """Return (offset, of prior, of confidence) of each rung, fitted on its finished answers."""
    with torch.no_grad():
        prior = torch.stack([network(examples)[0].sigmoid() for network in networks]).mean(0)
    logits = prior.clamp(1e-3, 1 - 1e-3).logit()
    fitted = []
    for rung in range(prior.shape[1]):
        kept = examples.finished[:, rung] > 0
        inputs = torch.stack([logits[kept, rung], examples.log_confidence[kept, rung]], dim=1)
        of_prior, of_confidence, offset = _logistic(inputs, examples.right[kept, rung])
        fitted.append(torch.stack([offset, of_prior, of_confidence.clamp(min=0)]))
    return torch.stack(fitted)


def _logistic(inputs: Tensor, right: Tensor) -> Tensor:
    """Return weights and offset of a logistic regression, held to 1 and 0 by a weak prior."""
    weights = torch.cat([torch.ones(inputs.shape[1]), torch.zeros(1)]).requires_grad_()
    start = weights.detach().clone()
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = inputs @ weights[:-1] + weights[-1]
        total = cross_entropy(logits, right, reduction="sum") + (weights - start).square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach()


def arrays_of(networks: Sequence[Network], known: Tensor, evidence: Tensor) -> dict[str, Tensor]:
    """Return the arrays that `inference.gate.network.read_gate` reads."""
    arrays = {"known": known, "evidence": evidence}
    for number, network in enumerate(networks):
        arrays |= {
            f"{number}.rows": network.rows.weight,
            f"{number}.scalars": network.scalars.weight.T,
            f"{number}.bias": network.scalars.bias,
            f"{number}.weights": network.outputs.weight,
            f"{number}.offsets": network.outputs.bias,
        }
    return {name: each.detach().to(torch.float16).contiguous() for name, each in arrays.items()}


def shuffled(questions: Sequence[Question], seed: int) -> list[Question]:
    """Return the questions with the outcomes of others."""
    outcomes = [each.outcomes for each in questions]
    random.Random(seed).shuffle(outcomes)  # noqa: S311 (reproducible by design)
    pairs = zip(questions, outcomes, strict=True)
    return [msgspec.structs.replace(each, outcomes=dealt) for each, dealt in pairs]


def main() -> None:
    """Train, calibrate, write; print what it reached on the validation split as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="an outcome table")
    parser.add_argument("--out", type=Path, required=True, help="where to write the gate")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="train on outcomes of other questions")
    asked = parser.parse_args()
    torch.set_num_threads(1)  # at this size threads only wait for each other
    table = read_table(asked.table)
    splits: list[Sequence[Question]] = [table.of_split("train"), table.of_split("validation")]
    if asked.shuffle is not None:
        splits = [shuffled(each, asked.shuffle) for each in splits]
    examples, held = (encode(each, table.origin.rungs) for each in splits)
    networks = [train_member(examples, seed) for seed in range(MEMBERS)]
    for network in networks:
        calibrate(network, held)
    known = torch.zeros(BUCKETS)
    known[examples.buckets] = 1
    evidence = fit_evidence(networks, held)
    metadata = {"rungs": " ".join(table.origin.rungs), "model": table.origin.model}
    save_file(arrays_of(networks, known, evidence), asked.out, metadata)
    figures = {"out": str(asked.out), "bytes": asked.out.stat().st_size, **_quality(networks, held)}
    print(json.dumps(figures))  # noqa: T201 (its output is its result)


def _quality(networks: Sequence[Network], held: Examples) -> dict[str, float]:
    """Return the Brier score of the chances, and of guessing each rung's share of right answers."""
    with torch.no_grad():
        chances = torch.stack([network(held)[0].sigmoid() for network in networks]).mean(0)
    plain = held.right.mean(0, keepdim=True)
    return {
        "brier": round(float((chances - held.right).square().mean()), 4),
        "brier_of_shares": round(float((plain - held.right).square().mean()), 4),
    }


if __name__ == "__main__":
    main()
