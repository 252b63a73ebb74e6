"""The contract is tested on a real sequencer, one for each module."""

from tests.integration.sequencer.conftest import exchange, running

__all__ = ["exchange", "running"]
