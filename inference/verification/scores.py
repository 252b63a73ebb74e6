"""Scores (pure): a job's evidence in three figures, 0 to 10^6, none of which honesty can make large."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inference.verification.evidence import GAP_CAP_MILLI, TokenEvidence

PPM: Final = 1_000_000
LEAST_TOKENS: Final = 16
"""Of a shorter answer nothing is scored: its mean says too little."""


@dataclass(frozen=True, slots=True)
class JobScore:
    """What was found of one job, each in ppm.

    `mismatch_ppm`: the mean gap as a share of the cap, over the tokens whose draw is known; None without any.
    `surprise_ppm`: the mean quantile; None where somebody else than the model chose where to stop, or there
    are none (above temperature 1). `hid_end_ppm`: 10^6 if the model would have ended earlier, else 0.
    """

    tokens: int
    mismatch_ppm: int | None
    surprise_ppm: int | None
    hid_end_ppm: int | None


def job_score(tokens: Sequence[TokenEvidence], *, ends_by_itself: bool = True) -> JobScore | None:
    """Return the score of a job's tokens; None if there are fewer than `LEAST_TOKENS`."""
    if len(tokens) < LEAST_TOKENS:
        return None
    quantiles = [token.quantile_ppm for token in tokens if token.quantile_ppm is not None]
    is_fair = ends_by_itself and len(quantiles) == len(tokens)
    gaps = [token.gap_milli for token in tokens if token.gap_milli is not None]
    return JobScore(
        tokens=len(tokens),
        mismatch_ppm=PPM * sum(gaps) // (GAP_CAP_MILLI * len(gaps)) if gaps else None,
        surprise_ppm=sum(quantiles) // len(quantiles) if is_fair else None,
        hid_end_ppm=PPM * any(token.hid_end for token in tokens) if gaps else None,
    )
