"""Does the verification find cheats, and leave honest providers alone?

    python -m benchmarks.verification [--providers 2000] [--jobs 50]

Draws audited jobs, with replacement, from answers recorded with the real model (`benchmarks/recordings`),
each scored by one prefill of the reference, and runs the exchange's own test on them.
`verification.detected.KIND` is the share of cheating providers flagged within so many audited jobs (the
issue's four cheats, and more; `detected` is the least of them), `verification.false_alarm` that of honest
ones within 500. The recorded run `score` is not the one that the detectors' means were set by (`train`), nor
are its prompts and seeds. `baseline` is the same test without the seeds: likelihoods alone, as for engines
whose noise cannot be recomputed.
"""

import argparse
import gzip
import json
import random
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks import figure
from inference.verification import detectors
from inference.verification.evidence import TokenEvidence
from inference.verification.scores import JobScore, job_score

RECORDINGS: Final = Path(__file__).parent / "recordings" / "verification"
REQUIRED: Final = ("padding", "wrong_model", "four_bit", "replay")
HONEST: Final = "honest"
HONEST_JOBS: Final = 500


@dataclass(frozen=True)
class Outcome:
    """Of many providers: the share flagged, and the median number of audited jobs until then."""

    flagged: float
    jobs: float


def load_scores(run: str) -> dict[str, list[JobScore]]:
    """Return the recorded jobs' scores by kind."""
    found: dict[str, list[JobScore]] = {}
    for path in sorted((RECORDINGS / run).glob("*.json.gz")):
        jobs = json.loads(gzip.decompress(path.read_bytes()))
        scores = [job_score([_token(row) for row in rows]) for rows in jobs]
        found[path.name.removesuffix(".json.gz")] = [one for one in scores if one is not None]
    return found


def try_providers(scores: list[JobScore], *, providers: int, jobs: int, seed: int) -> Outcome:
    """Return how many providers who answer like these are flagged within so many audited jobs."""
    rng = random.Random(seed)
    found = [_flagged_after(scores, jobs, rng) for _ in range(providers)]
    when = [one for one in found if one is not None]
    return Outcome(len(when) / providers, statistics.median(when) if when else 0)


def without_seeds(score: JobScore) -> JobScore:
    """Return what is left of a score where the engine's noise is not known."""
    return replace(score, mismatch_ppm=None, hid_end_ppm=None)


def _flagged_after(scores: list[JobScore], jobs: int, rng: random.Random) -> int | None:
    standing = detectors.fresh()
    for count in range(1, jobs + 1):
        standing = detectors.after(standing, rng.choice(scores))
        if detectors.is_refuted(standing):
            return count
    return None


def _token(row: list[int]) -> TokenEvidence:
    gap_milli, quantile_milli, hid_end = row
    return TokenEvidence(gap_milli, quantile_milli * 1_000, bool(hid_end))


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser()
    options.add_argument("--providers", type=int, default=2_000)
    options.add_argument("--jobs", type=int, default=50)
    given = options.parse_args()
    least = 1.0
    for kind, scores in load_scores("score").items():
        if kind.startswith(HONEST):
            continue
        outcome = try_providers(scores, providers=given.providers, jobs=given.jobs, seed=1)
        blind = try_providers(
            [without_seeds(one) for one in scores], providers=given.providers // 10, jobs=given.jobs, seed=1
        )
        figure(f"verification.detected.{kind}", 100 * outcome.flagged, "%", 100 * blind.flagged)
        figure(f"verification.jobs_until_detected.{kind}", outcome.jobs, "jobs")
        least = min(least, outcome.flagged) if kind in REQUIRED else least
    figure("verification.detected", 100 * least, "%")
    honest = [
        one for kind, scores in load_scores("score").items() if kind.startswith(HONEST) for one in scores
    ]
    alarms = try_providers(honest, providers=given.providers, jobs=HONEST_JOBS, seed=2)
    figure("verification.false_alarm", 100 * alarms.flagged, "%")


if __name__ == "__main__":
    main()
