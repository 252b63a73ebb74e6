"""Which provider runs a job: pure, in integers, explained. Entropy comes from the caller."""

from inference.routing.candidate import Candidate, Circuit
from inference.routing.preferences import Preferences
from inference.routing.ranking import Ranked, Ranking, is_wanted, rank
from inference.routing.wilson import wilson_lower_ppm

__all__ = [
    "Candidate",
    "Circuit",
    "Preferences",
    "Ranked",
    "Ranking",
    "is_wanted",
    "rank",
    "wilson_lower_ppm",
]
