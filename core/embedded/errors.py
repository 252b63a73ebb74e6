"""What the embedded servers raise: a sentence for the operator, with the way out."""


class EmbeddedError(RuntimeError):
    """An embedded server cannot be started, reached or stopped; the message says why and what to do."""
