"""Which rung of a model's ladder a question is tried on, and whether the next one is worth it.

A rung is a way to answer: so many layers, thinking or not, so many samples. The gate says of each rung how
likely its answer is right, what it will probably use and what it uses at most. Chances are in ppm, compute in
µCU, money in nano-USD; since a CU is 10^6 µCU, chance · value and price · compute share one unit, a millionth
of a nano-USD, and no division is needed to compare them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.money import PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """What the gate expects of one rung for one question."""

    name: str
    correct_ppm: int
    expected_ucu: int
    quote_ucu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the caller wants: so good an answer, or else the answer that is worth most after its price."""

    value_nano_usd: int
    price_nano_usd_per_cu: int
    quality_ppm: int | None = None
    cap_ucu: int | None = None


def ladder(rungs: Iterable[Rung], cap_ucu: int | None = None) -> tuple[Rung, ...]:
    """Return the rungs within the cap that are worth having: each is better than all that need less budget.

    Both quote and chance rise along it. Hence a larger cap only adds better rungs, and never lowers the
    quality of what is chosen.
    """
    kept: list[Rung] = []
    for rung in sorted(rungs, key=lambda each: (each.quote_ucu, -each.correct_ppm, each.expected_ucu)):
        affordable = cap_ucu is None or rung.quote_ucu <= cap_ucu
        if affordable and (not kept or rung.correct_ppm > kept[-1].correct_ppm):
            kept.append(rung)
    return tuple(kept)


def choose(rungs: Iterable[Rung], ask: Ask) -> Rung | None:
    """Return the rung to run; None if the cap pays for none.

    With a quality asked for it is the cheapest rung that has it, or the best there is if none has. Without,
    it is the one with the most chance · value − price · compute, of equals the cheaper one: as the price
    rises, it never costs more compute.
    """
    steps = ladder(rungs, ask.cap_ucu)
    if not steps:
        return None
    if ask.quality_ppm is None:
        return max(steps, key=lambda rung: (net(rung.correct_ppm, rung, ask), -rung.expected_ucu))
    asked = ask.quality_ppm
    enough = [rung for rung in steps if rung.correct_ppm >= asked]
    return min(enough, key=lambda rung: rung.expected_ucu) if enough else steps[-1]


def release(rungs: Sequence[Rung], *, tried: Rung, right_ppm: int, left_ucu: int, ask: Ask) -> Rung | None:
    """Return the rung to try next now that `tried` has answered, or None to keep its answer.

    `right_ppm` is the chance that the answer is right, seen what it looks like; `left_ucu` is what is left of
    the grant. A question that a rung gets right the better rungs are taken to get right too, so that
    the next rung finds the share (p' − p) ÷ (1 − p) of what this one misses.
    """
    if ask.quality_ppm is not None and right_ppm >= ask.quality_ppm:
        return None
    better = [rung for rung in ladder(rungs, left_ucu) if rung.correct_ppm > tried.correct_ppm]
    if not better:
        return None
    if ask.quality_ppm is not None:
        enough = [rung for rung in better if right_ppm + gain(tried, rung, right_ppm) >= ask.quality_ppm]
        return min(enough, key=lambda rung: rung.expected_ucu) if enough else better[-1]
    best = max(better, key=lambda rung: net(gain(tried, rung, right_ppm), rung, ask))
    return best if net(gain(tried, best, right_ppm), best, ask) > 0 else None


def gain(tried: Rung, rung: Rung, right_ppm: int) -> int:
    """Return by how many ppm the chance rises from `right_ppm` with `rung`, which is better than `tried`."""
    return (PPM - right_ppm) * (rung.correct_ppm - tried.correct_ppm) // (PPM - tried.correct_ppm)


def net(chance_ppm: int, rung: Rung, ask: Ask) -> int:
    """Return chance · value − price · compute in millionths of a nano-USD."""
    return chance_ppm * ask.value_nano_usd - ask.price_nano_usd_per_cu * rung.expected_ucu
