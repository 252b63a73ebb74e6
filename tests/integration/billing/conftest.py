"""Fixtures of the money tests: a double of Stripe that settings point to."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from tests.integration.billing.dispute_world import Drift
from tests.stripe import StripeDouble, running_double


@pytest.fixture(scope="module")
def _double() -> Iterator[StripeDouble]:
    """Run one double for a module's tests."""
    with running_double() as double, override_settings(STRIPE_API_BASE=double.url):
        yield double


@pytest.fixture
def double(db: None, _double: StripeDouble) -> StripeDouble:
    """Return the double with nothing in it, at the present time and without faults."""
    _double.reset()
    return _double


@pytest.fixture
def drift(double) -> Drift:
    """Count from the beginning of the test."""
    return Drift(double)
