"""What is learned: the next token at every exit, for both branches; and how often whole answers are right.

The unembedding of all 49,152 tokens at three exits would take a third of a step, so the softmax runs over the
batch's own tokens and a sample of the others, each of which stands for `V / sample` tokens (sampled softmax:
Jean et al. 2015, arXiv:1412.2007).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from inference.training.examples import DIRECT, IGNORED, Batch
from inference.training.families.base import LEVELS, band

SAMPLE: Final = 4096
EXIT_WEIGHTS: Final = {10: (1.0, 0.3), 20: (0.7, 0.7), 30: (1.0, 1.0)}
"""Weight of each exit's loss on (direct answers, thoughts)."""
DIRECT_WEIGHT: Final = {1: 3.0, 2: 3.0, 3: 2.0, 4: 0.5, 5: 0.5}
"""Weight of a direct answer's token by level; one of a thought counts 1. What is hard cannot be answered
directly, so the network should learn there how unsure to be, but not spend itself on it."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """The places of a batch that teach something, flat: target, weight, and whose they are."""

    places: Tensor
    targets: Tensor
    is_direct: Tensor
    weights: Tensor
    levels: Tensor
    segments: Tensor


def lesson_of(batch: Batch) -> Lesson:
    """What `batch` teaches."""
    places = batch.targets != IGNORED
    is_direct = (batch.branches == DIRECT)[places]
    levels = batch.levels[places]
    by_level = torch.tensor([0.0, *(DIRECT_WEIGHT[level] for level in LEVELS)])
    weights = torch.where(is_direct, by_level[levels], 1.0)
    return Lesson(places, batch.targets[places], is_direct, weights, levels, batch.segments[places])


@dataclass(frozen=True, slots=True)
class Result:
    """The loss to go down, and by (depth, mode, band) how many answers were right, of how many."""

    loss: Tensor
    parts: dict[str, float]
    right: dict[str, tuple[int, int]]


def judge(
    states: Mapping[int, Tensor], unembedding: Tensor, lesson: Lesson, generator: torch.Generator
) -> Result:
    """Loss and teacher-forced scores of the states at the lesson's places."""
    chosen, targets, shift = _vocabulary(lesson.targets, len(unembedding), generator)
    table = unembedding[chosen].T
    losses: list[Tensor] = []
    parts: dict[str, float] = {}
    right: dict[str, tuple[int, int]] = {}
    for depth, state in states.items():
        logits = (state @ table).float()
        each = cross_entropy(logits + shift, targets, reduction="none")
        direct, thought = EXIT_WEIGHTS[depth]
        weights = lesson.weights * torch.where(lesson.is_direct, direct, thought)
        losses.append((each * weights).sum() / lesson.weights.sum())
        parts |= {
            f"{depth}.direct": each[lesson.is_direct].mean().item(),
            f"{depth}.think": each[~lesson.is_direct].mean().item(),
        }
        right |= _scores(depth, logits.argmax(-1) == targets, lesson)
    return Result(torch.stack(losses).sum(), parts, right)


def _vocabulary(targets: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """The tokens of this softmax, the targets as places among them, and what to add to each one's logit."""
    own = torch.unique(targets)
    others = torch.randperm(size, generator=generator)[:SAMPLE]
    others = others[~torch.isin(others, own)]
    shift = torch.zeros(len(own) + len(others))
    shift[len(own) :] = math.log((size - len(own)) / len(others))
    return torch.cat([own, others]), torch.searchsorted(own, targets), shift


def _scores(depth: int, hits: Tensor, lesson: Lesson) -> dict[str, tuple[int, int]]:
    """An answer is right where every token of its branch is; counted by mode and band."""
    scores: dict[str, tuple[int, int]] = {}
    key = lesson.segments * 2 + lesson.is_direct
    for branch in torch.unique(key):
        own = key == branch
        mode = "direct" if bool(branch % 2) else "think"
        name = f"{depth}.{mode}.{band(int(lesson.levels[own][0]))}"
        right, seen = scores.get(name, (0, 0))
        scores[name] = (right + int(hits[own].all()), seen + 1)
    return scores
