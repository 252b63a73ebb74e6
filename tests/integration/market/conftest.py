"""Trades without their money: written, looked at, and rolled back."""

from collections.abc import Iterator

import pytest
from django.db import transaction


@pytest.fixture
def scratch(db: None) -> Iterator[None]:
    """Let a test write rows that the exchange would not; none of them stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
