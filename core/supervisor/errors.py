"""What the supervisor raises: a sentence for the operator."""


class SupervisorError(RuntimeError):
    """The supervisor cannot start, or a process did not become ready; the message says which and why."""
