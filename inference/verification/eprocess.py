"""E-processes (pure, integers): evidence against honesty that may be looked at after every job.

The hypothesis: each job's score X, in [0, 1], has a mean of at most μ given all before it. Then 1 + λ(X − μ)
is, for any 0 < λ < 1/μ, an e-value: no more than 1 on average. The product over jobs is a test martingale,
and by Ville's inequality it *ever* reaches 1/α with probability α at most, whenever and however often one
looks (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting"). Two mixtures
stay valid, being averages: one over stakes λ, because the size of the cheat is unknown, and one over the job
at which it began (start k with prior 1/(k(k+1))), because a provider may be honest for long and then not:
what has not started keeps its 1.

Capital is integer (10^12 is one), each step rounded down: rounding makes the test more careful, and the
decision is the same on every machine.
"""

from dataclasses import dataclass
from typing import Final

ONE: Final = 10**12
PPM: Final = 1_000_000
CEILING: Final = 10**30
"""Capital beyond this says nothing more; it keeps the integers short."""


@dataclass(frozen=True, slots=True)
class Bet:
    """What is bet on: the greatest mean of an honest provider's score, and the stakes, all in ppm.

    A stake of 10^6 is λ = 1: the capital doubles where the score is one more than the mean.
    """

    mean_ppm: int
    stakes_ppm: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse a stake that a score of 0 could lose more than everything by."""
        if any(stake * self.mean_ppm >= PPM * PPM for stake in self.stakes_ppm):
            raise ValueError("a stake may not exceed what it can lose")


@dataclass(frozen=True, slots=True)
class Capital:
    """What a bet has come to: the jobs seen, and the capital of each stake, of all starts so far."""

    jobs: int
    started: tuple[int, ...]


def opening(bet: Bet) -> Capital:
    """Return the capital before the first job."""
    return Capital(0, (0,) * len(bet.stakes_ppm))


def bet_on(capital: Capital, score_ppm: int, bet: Bet) -> Capital:
    """Return the capital after a job of this score; ValueError if it is not between 0 and 10^6."""
    if not 0 <= score_ppm <= PPM:
        raise ValueError(f"no score: {score_ppm}")
    jobs = capital.jobs + 1
    joining = ONE // (jobs * (jobs + 1))
    return Capital(
        jobs,
        tuple(
            min(CEILING, (before + joining) * (PPM * PPM + stake * (score_ppm - bet.mean_ppm)) // (PPM * PPM))
            for before, stake in zip(capital.started, bet.stakes_ppm, strict=True)
        ),
    )


def evidence(capital: Capital) -> int:
    """Return the e-value (10^12 is one): the mean over the stakes, and the share that has not started yet."""
    return sum(capital.started) // len(capital.started) + ONE // (capital.jobs + 1)
