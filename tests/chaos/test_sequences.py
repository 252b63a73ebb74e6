"""A hundred seeded sequences of card money, with faults: drift exactly 0."""

import pytest

from tests.chaos.sequence import play
from tests.stripe import StripeDouble


@pytest.mark.parametrize("seed", range(100))
def test_stripe_and_our_books_agree_in_the_end(double: StripeDouble, seed: int) -> None:
    assert play(seed, double)["drift_nano_usd"] == 0
