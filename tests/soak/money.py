"""2,000 sequences of a hundred steps of the services of money against plain integers."""

from collections.abc import Generator, Mapping

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.crash.checks import ledger_is_sound
from tests.property.money_machine import Money

SEQUENCES, STEPS = 2_000, 100
OF_A_UNIT = 20


class MoneySequences:
    """A unit is twenty sequences under a seed of its own; then the whole ledger is verified."""

    name = "sequences of money"
    planned = SEQUENCES // OF_A_UNIT

    def units(self, done: int) -> Generator[Mapping[str, int]]:
        """Run sequences; one that ends elsewhere than the plain model raises, with its steps."""
        for unit in range(done, self.planned):
            run_state_machine_as_test(
                seed(unit)(type("Money", (Money,), {})),
                settings=settings(
                    max_examples=OF_A_UNIT,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
            ledger_is_sound()
            yield {"sequences": OF_A_UNIT, "ledgers_verified": 1}
