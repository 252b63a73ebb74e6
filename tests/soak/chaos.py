"""5,000 seeded sequences of card money with faults at Stripe: drift exactly 0 after each."""

from collections.abc import Generator, Mapping

from tests.chaos.scene import stage
from tests.chaos.sequence import play
from tests.crash.checks import ledger_is_sound

SEQUENCES = 5_000
FIRST_SEED = 1_000
"""Behind those of `make test`."""
OF_A_UNIT = 25


class Chaos:
    """A unit is 25 sequences and a verified ledger."""

    name = "Stripe chaos"
    planned = SEQUENCES // OF_A_UNIT

    def units(self, done: int) -> Generator[Mapping[str, int]]:
        """Play; each sequence ends in a comparison of Stripe's books and ours."""
        with stage() as double:
            for unit in range(done, self.planned):
                first = FIRST_SEED + unit * OF_A_UNIT
                played = [play(seed, double) for seed in range(first, first + OF_A_UNIT)]
                ledger_is_sound()
                yield {
                    "sequences": OF_A_UNIT,
                    "steps": sum(figures["steps"] for figures in played),
                    "drift_nano_usd": sum(figures["drift_nano_usd"] for figures in played),
                    "ledgers_verified": 1,
                }
