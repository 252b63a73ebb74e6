"""What an answer says about itself: the chance that it is right, once it has been seen.

    P(right) = σ(a + b·logit P(right before) + c·ln confidence),   0 if it was cut off

fitted for each rung on questions that the gate was not trained on. `confidence` is the likelihood of the
answer's own tokens, their geometric mean: what every engine can report, and what a provider that pads or
shortens answers cannot raise without knowing them.
"""

import math
from dataclasses import dataclass
from typing import Final

from core.money import PPM

_LEAST: Final = 0.001
"""Chances and likelihoods nearer to 0 or 1 than this are taken for this: one figure never decides alone."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One rung's fitted numbers."""

    offset: float
    of_prior: float
    of_confidence: float

    def right_ppm(self, *, prior_ppm: int, confidence_ppm: int, finished: bool) -> int:
        """Return the chance that the answer is right; it never falls with more confidence if fitted so."""
        if not finished:
            return 0
        prior = _within(prior_ppm)
        value = self.offset + self.of_prior * math.log(prior / (1 - prior))
        value += self.of_confidence * math.log(_within(confidence_ppm))
        return round(PPM / (1 + math.exp(-max(-40.0, min(40.0, value)))))


def _within(ppm: int) -> float:
    return max(_LEAST, min(1 - _LEAST, ppm / PPM))
