"""The router's one setting, chosen on validation: what a right answer is worth in compute."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cux.wire.card import ComputeCard
from cux.wire.metering import usage
from inference.efficiency.fixed import Point, point
from inference.efficiency.gated import FlopsOf, Gated
from inference.efficiency.replay import replay
from inference.efficiency.table import Question
from inference.gate.network import Gate
from inference.routing.plan import Ask

VALUES: Final = tuple(round(10_000 * 2 ** (step / 2)) for step in range(16))
"""Candidates for the worth of a right answer in millions of FLOPs, from that of one short answer upwards."""
PRICE: Final = 10**6
TOLERANCE: Final = 0.01
"""How far below always-maximum counts as equal on validation: half of what the test may lose."""
MOST_TOKENS: Final[Mapping[str, int]] = {"direct": 32, "think": 224}


def flops_by(cards: Mapping[str, ComputeCard]) -> FlopsOf:
    """Return how many FLOPs a rung takes by its card."""

    def flops(rung: str, prompt_tokens: int, output_tokens: int) -> int:
        return usage(cards[rung], prompt_tokens=prompt_tokens, output_tokens=output_tokens).raw_flops

    return flops


def policy(gate: Gate, cards: Mapping[str, ComputeCard], value: int, safe: str) -> Gated:
    """Return the gate and router as a policy for which a right answer is worth `value` million FLOPs."""
    most = {rung: MOST_TOKENS[rung.partition("-")[0]] for rung in cards}
    ask = Ask(value_nano_usd=value, price_nano_usd_per_cu=PRICE)
    return Gated(gate, flops_by(cards), most, ask, safe=safe)


def tuned(
    questions: Sequence[Question], maximum: Point, make: Callable[[int], Gated]
) -> tuple[int, dict[int, Point]]:
    """Return the value with which the policy is as good as `maximum` for the least compute, or else the one
    with which it is best; and what each value reaches."""
    points = {value: point(str(value), replay(questions, make(value))) for value in VALUES}
    enough = [value for value, each in points.items() if each.score >= maximum.score - TOLERANCE]
    best = min(enough, key=lambda value: points[value].flops) if enough else None
    return best or max(VALUES, key=lambda value: points[value].score), points
