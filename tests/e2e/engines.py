"""The real vLLM server of one of the stack's agents, for tests that look at the engine itself."""

from agent.state import State
from config.processes import PROVIDERS
from tests.e2e.stack import Stack


def engine_url(stack: Stack) -> str:
    """Where the first provider's engine answers."""
    stack.wait_ready(f"agent-{PROVIDERS[0]}")
    status = State(stack.place.agent_state(PROVIDERS[0])).status()
    assert status is not None
    return status.engines[0].url
