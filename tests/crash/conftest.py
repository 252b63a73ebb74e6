"""One sequencer for the tests that end something else."""

from tests.integration.sequencer.conftest import exchange, running

__all__ = ["exchange", "running"]
