"""The stage on which all sequences of a session play."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.chaos.scene import stage
from tests.stripe import StripeDouble


@pytest.fixture(scope="session")
def _stage(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[StripeDouble]:
    with django_db_blocker.unblock(), stage() as double:
        yield double


@pytest.fixture
def double(db: None, _stage: StripeDouble) -> StripeDouble:
    """Stripe, whose webhooks reach a web process of ours."""
    return _stage
