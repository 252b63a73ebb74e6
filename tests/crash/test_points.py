"""A process that dies before or after any statement, commit or publish loses nothing and does nothing twice.

Forty seeded moments of the life in `tests/points`; `make soak` takes all of them.
"""

import random
from collections.abc import Iterator

import pytest

from tests.points.lives import Host, count, die_and_recover, host

SEED, TAKEN, GROUPS = 20_261_123, 40, 8


@pytest.fixture(scope="module")
def warmed(servers: None) -> Iterator[Host]:
    with host() as process:
        yield process


@pytest.mark.parametrize("group", range(GROUPS))
def test_whoever_comes_after_a_death_ends_where_the_first_would_have(db, warmed: Host, group: int) -> None:
    moments = len(count(warmed))
    print(f"{moments} moments")  # noqa: T201 - their number is part of what is shown
    for moment in random.Random(SEED).sample(range(1, moments + 1), TAKEN)[group::GROUPS]:
        die_and_recover(warmed, moment)
    warmed.verify()
