"""The sequences find what they are for: with a defence taken out, books and Stripe no longer agree."""

from contextlib import AbstractContextManager
from unittest import mock

import pytest

from tests.chaos.sequence import play
from tests.stripe import StripeDouble

LOOKING_FIRST = mock.patch("billing.stripe_gateway.refunds_of_payment", return_value=[])
HEARING_OF_DISPUTES = mock.patch.dict(
    "billing.services.event_process.HANDLERS", {"dispute": lambda occasion: None}
)


@pytest.mark.parametrize(
    ("without", "seed", "found"),
    [
        pytest.param(LOOKING_FIRST, 19, "is succeeded at Stripe, failed here", id="looks before it repeats"),
        pytest.param(HEARING_OF_DISPUTES, 2, "drift: Stripe has", id="hears of disputes"),
    ],
)
def test_a_missing_defence_is_found(
    double: StripeDouble, without: AbstractContextManager[object], seed: int, found: str
) -> None:
    with without, pytest.raises(AssertionError, match=found):
        play(seed, double, steps=30)
