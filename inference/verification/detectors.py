"""Detectors (pure): on what is bet against a provider's honesty, and when it counts as refuted.

Three bets run beside each other, of which the weighted mean is again an e-value. Each has a mean that honest
answers were recorded to stay below, with room for other hardware (`benchmarks.verification` prints both
sides); what an honest provider could do to be flagged is to differ from the reference by more than that, job
after job.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from inference.verification.eprocess import ONE, Bet, Capital, bet_on, evidence, opening
from inference.verification.scores import PPM, JobScore

ALPHA_PPM: Final = 100
"""The chance, at most, that an honest provider is ever flagged for a model: one in ten thousand."""
FLAGGED_AT: Final = ONE * PPM // ALPHA_PPM
_LEVEL_LOW_PPM: Final = 420_000
_LEVEL_WIDTH_PPM: Final = 160_000


@dataclass(frozen=True, slots=True)
class Detector:
    """One bet: its name, its weight, and what it takes of a job's score (None: nothing to bet on)."""

    name: str
    weight: int
    bet: Bet
    score: Callable[[JobScore], int | None]


def _level(score: JobScore) -> int | None:
    """Return the mean quantile, spread: an honest job's is 0.5 ± 0.04, and a bet needs room to win."""
    if score.surprise_ppm is None:
        return None
    return max(0, min(PPM, (score.surprise_ppm - _LEVEL_LOW_PPM) * PPM // _LEVEL_WIDTH_PPM))


DETECTORS: Final = (
    Detector("mismatch", 2, Bet(8_000, (5_000_000, 30_000_000, 100_000_000)), lambda job: job.mismatch_ppm),
    Detector("hid_end", 1, Bet(10_000, (10_000_000, 40_000_000)), lambda job: job.hid_end_ppm),
    Detector("surprise", 1, Bet(560_000, (500_000, 1_600_000)), _level),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What all jobs of a provider and a model have come to: a capital per detector."""

    jobs: int
    capitals: tuple[Capital, ...]


def fresh() -> Standing:
    """Return the standing of a provider of whom nothing was audited."""
    return Standing(0, tuple(opening(one.bet) for one in DETECTORS))


def after(standing: Standing, score: JobScore) -> Standing:
    """Return the standing after another audited job."""
    return Standing(
        standing.jobs + 1,
        tuple(
            capital if (value := one.score(score)) is None else bet_on(capital, value, one.bet)
            for one, capital in zip(DETECTORS, standing.capitals, strict=True)
        ),
    )


def e_value(standing: Standing) -> int:
    """Return the evidence against honesty: 10^12 is none; at `FLAGGED_AT` honesty is refuted."""
    weighed = (
        one.weight * evidence(capital) for one, capital in zip(DETECTORS, standing.capitals, strict=True)
    )
    return sum(weighed) // sum(one.weight for one in DETECTORS)


def is_refuted(standing: Standing) -> bool:
    """Tell whether the provider is flagged; it takes three jobs at least, whatever they hold."""
    return e_value(standing) >= FLAGGED_AT


def to_builtins(standing: Standing) -> dict[str, Any]:
    """Return the standing as JSON types, to be kept; integers as text, being longer than JSON's are safe."""
    return {
        "jobs": standing.jobs,
        "capitals": {
            one.name: {"jobs": capital.jobs, "started": [str(part) for part in capital.started]}
            for one, capital in zip(DETECTORS, standing.capitals, strict=True)
        },
    }


def from_builtins(kept: dict[str, Any]) -> Standing:
    """Return the standing that was kept."""
    return Standing(
        kept["jobs"],
        tuple(
            Capital(
                kept["capitals"][one.name]["jobs"],
                tuple(int(part) for part in kept["capitals"][one.name]["started"]),
            )
            for one in DETECTORS
        ),
    )
