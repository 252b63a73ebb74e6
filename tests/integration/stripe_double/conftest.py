"""A running double and the SDK that talks to it."""

from collections.abc import Iterator

import pytest
import stripe

from tests.stripe import StripeDouble, running_double


@pytest.fixture(scope="session")
def _running() -> Iterator[StripeDouble]:
    with running_double() as double:
        yield double


@pytest.fixture
def double(_running: StripeDouble) -> StripeDouble:
    """A double with nothing in it."""
    _running.reset()
    return _running


@pytest.fixture
def sdk(double: StripeDouble) -> stripe.StripeClient:
    """The official SDK; it repeats nothing by itself."""
    return stripe.StripeClient("sk_test_double", base_addresses={"api": double.url}, max_network_retries=0)
