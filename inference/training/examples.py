"""Questions as token ids: a prompt with two continuations, the direct answer and the thought with its answer.

Both continuations begin from the same prompt: the second neither sees the first nor counts its places
(`positions`, and `visible` in a batch), so that one pass over the prompt serves two lessons.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from inference.gate.thought import END_THINK, THINK
from inference.training.dialogue import END, prompt
from inference.training.families.base import Question

PROMPT, DIRECT, THOUGHT = 0, 1, 2
"""The branches of an example."""
IGNORED: Final = -100
"""The target where nothing is to be learned."""

Encode = Callable[[str], list[int]]
"""Turns text into token ids, adding none."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question: at each place a token, its branch, its position, and the token that should follow."""

    level: int
    ids: list[int]
    branches: list[int]
    positions: list[int]
    targets: list[int]

    def __len__(self) -> int:
        return len(self.ids)


def example_of(question: Question, encode: Encode) -> Example:
    """The example of `question`.

    Markers are encoded apart from what stands beside them, as an engine appends them by themselves. The
    prompt's last token is the first place of both branches: what follows it differs.
    """
    asked, marker = encode(prompt(question.text, "direct")), encode(THINK)
    answer = encode(question.answer) + encode(END)
    shared, last = asked[:-1], asked[-1]
    worked = [*encode(question.thought), *encode(END_THINK), *answer]
    direct, thought = [last, *answer], [last, *marker, *worked]
    start = len(shared)
    return Example(
        level=question.level,
        ids=shared + direct[:-1] + thought[:-1],
        branches=[PROMPT] * start + [DIRECT] * (len(direct) - 1) + [THOUGHT] * (len(thought) - 1),
        positions=[
            *range(start),
            *range(start, start + len(direct) - 1),
            *range(start, start + len(thought) - 1),
        ],
        targets=[IGNORED] * start + answer + [IGNORED] * len(marker) + worked,
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples packed into rows; every tensor is (rows, width) but `visible`: (rows, 1, width, width).

    `segments` tells the examples apart, over the whole batch; the empty places at a row's end are -1.
    """

    ids: Tensor
    positions: Tensor
    branches: Tensor
    targets: Tensor
    levels: Tensor
    segments: Tensor
    visible: Tensor


def batch_of(rows: list[list[Example]], width: int) -> Batch:
    """Lay out `rows` of examples, each row at most `width` places in all."""
    shape = (len(rows), width)
    ids, positions, branches, levels = (torch.zeros(shape, dtype=torch.long) for _ in range(4))
    targets, segments = torch.full(shape, IGNORED), torch.full(shape, -1)
    segment = 0
    for row, examples in enumerate(rows):
        at = 0
        for example in examples:
            here = (row, slice(at, at + len(example)))
            ids[here], positions[here] = torch.tensor(example.ids), torch.tensor(example.positions)
            branches[here], targets[here] = torch.tensor(example.branches), torch.tensor(example.targets)
            levels[here], segments[here] = example.level, segment
            at, segment = at + len(example), segment + 1
    return Batch(ids, positions, branches, targets, levels, segments, _visible(branches, segments))


def _visible(branches: Tensor, segments: Tensor) -> Tensor:
    """Which place sees which: earlier ones of the same example, of the prompt or of the same branch."""
    width = branches.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    same_example = segments[:, :, None] == segments[:, None, :]
    readable = (branches == PROMPT)[:, None, :] | (branches[:, :, None] == branches[:, None, :])
    return (causal & same_example & readable)[:, None]
