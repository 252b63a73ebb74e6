"""The outcome table: each question asked once on each rung (and several times where samples vote).

A policy is scored by looking answers up here instead of generating them again, so that all policies are held
against the very same answers. The file is gzipped JSON lines: one line of what the table is made of, then one
line a question with its outcomes.
"""

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of one rung."""

    right: bool
    answer: str
    """The answer as it is compared, for votes; empty if none could be read."""
    flops: int
    """Raw FLOPs of the closed form (`cux.wire.metering`), nothing cached."""
    output_tokens: int
    confidence_ppm: int
    """The likelihood of the answer's own tokens, their geometric mean."""
    finished: bool
    """Whether it ended by itself, rather than by its token limit."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question and what each rung made of it: `outcomes[rung][sample]`."""

    id: str
    family: str
    level: int
    split: str
    prompt: str
    prompt_tokens: int
    outcomes: Mapping[str, tuple[Outcome, ...]]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What made a table: enough to make it again."""

    model: str
    revision: str
    machine: str
    rungs: tuple[str, ...]
    """From the cheapest to the dearest."""
    seeds: Mapping[str, int]
    cards: Mapping[str, Mapping[str, Any]] = {}
    """Each rung's compute card, as plain data."""


class Table(msgspec.Struct, frozen=True):
    """Outcomes of many questions on the same rungs."""

    origin: Origin
    questions: tuple[Question, ...]

    def of_split(self, split: str) -> tuple[Question, ...]:
        """Return the questions of one split, in their order."""
        return tuple(each for each in self.questions if each.split == split)


def write_table(path: Path, origin: Origin, questions: Iterable[Question]) -> None:
    """Write a table; the same rows give the same bytes."""
    lines = [msgspec.json.encode(origin), *(msgspec.json.encode(each) for each in questions)]
    path.write_bytes(gzip.compress(b"\n".join(lines) + b"\n", mtime=0))


def read_table(path: Path) -> Table:
    """Return the table in the file. Raises msgspec.ValidationError if a line is not one of a table,
    ValueError if a question lacks a rung."""
    first, *rest = gzip.decompress(path.read_bytes()).splitlines()
    origin = msgspec.json.decode(first, type=Origin)
    decoder = msgspec.json.Decoder(Question)
    questions = tuple(decoder.decode(line) for line in rest)
    for each in questions:
        missing = [rung for rung in origin.rungs if not each.outcomes.get(rung)]
        if missing:
            raise ValueError(f"question {each.id} was not asked on {', '.join(missing)}")
    return Table(origin, questions)
