"""A running double and the SDK that talks to it."""

from collections.abc import Iterator

import pytest
import stripe

from tests.integration.stripe_double.receiver import Receiver, receiving
from tests.stripe import StripeDouble, running_double


@pytest.fixture(scope="session")
def _running() -> Iterator[StripeDouble]:
    with running_double() as double:
        yield double


@pytest.fixture
def double(_running: StripeDouble) -> StripeDouble:
    """A double with nothing in it that sends nothing anywhere."""
    _running.reset(endpoints=[])
    return _running


@pytest.fixture
def sdk(double: StripeDouble) -> stripe.StripeClient:
    """The official SDK; it repeats nothing by itself."""
    return stripe.StripeClient("sk_test_double", base_addresses={"api": double.url}, max_network_retries=0)


@pytest.fixture
def customer(sdk: stripe.StripeClient) -> str:
    """A customer's id."""
    return sdk.v1.customers.create({"email": "a@example.com", "metadata": {"org": "1"}}).id


@pytest.fixture
def receiver(double: StripeDouble) -> Iterator[Receiver]:
    """Somebody to whom the double sends all events."""
    with receiving() as receiver:
        double.endpoint(receiver.url)
        yield receiver
