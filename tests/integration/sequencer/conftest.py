"""One sequencer for the tests that do not end it."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.sequencer_process import SequencerProcess, inspect, sequencer


@pytest.fixture(scope="module")
def running(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[SequencerProcess]:
    """Run a sequencer for a module of tests; at the end its memory equals the database."""
    with sequencer() as process:
        yield process
        hashes = inspect()
        assert hashes["state_hash"] == hashes["committed_state_hash"]


@pytest.fixture
def exchange(running: SequencerProcess, db: None) -> Iterator[SequencerProcess]:
    """Let a test trade and look at the database; after it memory equals the database."""
    yield running
    hashes = inspect()
    assert hashes["state_hash"] == hashes["committed_state_hash"]
