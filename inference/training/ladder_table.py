"""Outcomes of the ladder's rungs put together: by cell, by band, over a mix, and what choosing could save."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final, TypeVar

from cux.wire.card import ComputeCard
from cux.wire.metering import usage
from inference.training.dialogue import answer_of
from inference.training.families import all_families
from inference.training.families.base import Band, Question, band
from inference.training.rungs import Reply

MIX: Final[Mapping[Band, float]] = {"easy": 0.7, "medium": 0.2, "hard": 0.1}
"""Shares of the benchmark's mix."""
NEAR_BEST: Final = 0.005
"""A fixed plan this close to the best one's score counts as equal to it: the cheapest is always-maximum."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question answered by one rung."""

    number: int
    family: str
    level: int
    rung: str
    is_right: bool
    output_tokens: int
    flops: int

    @property
    def band(self) -> Band:
        """The band of the question's level."""
        return band(self.level)

    @classmethod
    def of(cls, question: Question, reply: Reply, card: ComputeCard) -> "Outcome":
        """Score a reply, and meter it by the card of its tier."""
        used = usage(card, prompt_tokens=reply.prompt_tokens, output_tokens=reply.output_tokens)
        return cls(
            number=reply.number,
            family=question.family,
            level=question.level,
            rung=f"{reply.mode}@{reply.depth}",
            is_right=question.is_right(answer_of(reply.text)),
            output_tokens=reply.output_tokens,
            flops=used.raw_flops,
        )


Figures = dict[str, float]
Key = TypeVar("Key")


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """Score, mean tokens and mean GFLOPs of some outcomes."""
    return {
        "n": len(outcomes),
        "score": fmean(outcome.is_right for outcome in outcomes),
        "output_tokens": fmean(outcome.output_tokens for outcome in outcomes),
        "gflops": fmean(outcome.flops for outcome in outcomes) / 1e9,
    }


def mixed(outcomes: Sequence[Outcome]) -> Figures:
    """The same over the benchmark's mix of bands."""
    bands = {name: figures([one for one in outcomes if one.band == name]) for name in MIX}
    return {
        key: sum(share * bands[name][key] for name, share in MIX.items())
        for key in ("score", "output_tokens", "gflops")
    }


def grouped(outcomes: Iterable[Outcome], key: Callable[[Outcome], Key]) -> dict[Key, list[Outcome]]:
    """Outcomes by what `key` says of them."""
    groups: dict[Key, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[key(outcome)].append(outcome)
    return groups


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All that is published, for trained and unseen families apart."""
    trained = {name for name, family in all_families().items() if family.trained}
    parts: dict[str, list[Outcome]] = {"trained": [], "unseen": []}
    for outcome in outcomes:
        parts["trained" if outcome.family in trained else "unseen"].append(outcome)
    return {name: _part(part) for name, part in parts.items()}


def _part(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    by_rung = grouped(outcomes, lambda one: one.rung)
    rungs: dict[str, Any] = {
        rung: {
            "mix": mixed(own),
            "bands": {name: figures(group) for name, group in grouped(own, lambda one: one.band).items()},
            "cells": {
                name: figures(group)
                for name, group in grouped(own, lambda one: f"{one.family} {one.level}").items()
            },
        }
        for rung, own in by_rung.items()
    }
    best = max(rung["mix"]["score"] for rung in rungs.values())
    near = [name for name, rung in rungs.items() if rung["mix"]["score"] >= best - NEAR_BEST]
    maximum = min(near, key=lambda name: rungs[name]["mix"]["gflops"])
    return {
        "rungs": rungs,
        "always_maximum": maximum,
        "choices": {
            "by family and level": _choice(outcomes, lambda one: (one.family, one.level), by_rung[maximum]),
            "by question (oracle)": _choice(outcomes, lambda one: one.number, by_rung[maximum]),
        },
    }


def _choice(
    outcomes: Sequence[Outcome], key: Callable[[Outcome], object], maximum: Sequence[Outcome]
) -> Figures:
    """What knowing `key` in advance gives: for each, the cheapest rung as good as always-maximum there."""
    least = {group: fmean(one.is_right for one in own) for group, own in grouped(maximum, key).items()}
    chosen: list[Outcome] = []
    for group, own in grouped(outcomes, key).items():
        rungs = grouped(own, lambda one: one.rung).values()
        enough = [rung for rung in rungs if fmean(one.is_right for one in rung) >= least[group]]
        chosen += min(enough, key=lambda rung: sum(one.flops for one in rung))
    result = mixed(chosen)
    return {**result, "saved": 1 - result["gflops"] / mixed(maximum)["gflops"]}


def markdown(table: Mapping[str, Any]) -> str:
    """The tables of one summary as Markdown."""
    lines: list[str] = []
    for name, part in table.items():
        lines += [f"### {name.capitalize()} families", "", *_rungs(part), "", *_cells(part), ""]
        lines += [f"Always-maximum: {part['always_maximum']}. The cheapest rung as good as that there:", ""]
        lines += [
            f"- {how}: score {got['score']:.3f}, {got['gflops']:.2f} GFLOP, {got['saved']:.1%} saved"
            for how, got in part["choices"].items()
        ]
        lines.append("")
    return "\n".join(lines)


def _rungs(part: Mapping[str, Any]) -> list[str]:
    lines = ["| rung | score on the mix | easy | medium | hard | tokens | GFLOP |", "|---" * 7 + "|"]
    for name, rung in part["rungs"].items():
        bands = " | ".join(f"{rung['bands'][level]['score']:.3f}" for level in MIX)
        mix = rung["mix"]
        lines.append(
            f"| {name} | {mix['score']:.3f} | {bands} | {mix['output_tokens']:.1f} | {mix['gflops']:.2f} |"
        )
    return lines


def _cells(part: Mapping[str, Any]) -> list[str]:
    names = list(part["rungs"])
    lines = ["| family, level | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for cell in next(iter(part["rungs"].values()))["cells"]:
        found = (part["rungs"][name]["cells"][cell] for name in names)
        lines.append(
            f"| {cell} | " + " | ".join(f"{one['score']:.2f}, {one['gflops']:.1f}" for one in found) + " |"
        )
    return lines
