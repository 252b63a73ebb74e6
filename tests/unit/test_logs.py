"""What a log line says of an exception, and what it must not."""

import json
import logging
import sys

import structlog


def _logged_failure() -> str:
    """Return the line that our own formatter makes of an exception in a frame that holds a secret."""
    formatter = next(
        handler.formatter
        for handler in logging.getLogger().handlers
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
    )
    password = "".join(["hunt", "er2"])  # in one piece only in the frame's variable
    try:
        raise ValueError("the database is away")
    except ValueError:
        record = logging.LogRecord("test", logging.ERROR, __file__, 1, "failed", None, sys.exc_info())
    assert password
    return formatter.format(record)


def test_a_traceback_names_error_and_place_and_never_a_local_variables_value() -> None:
    line = _logged_failure()
    (error,) = json.loads(line)["exception"]
    assert (error["exc_type"], error["exc_value"]) == ("ValueError", "the database is away")
    assert error["frames"][-1]["name"] == "_logged_failure"
    assert "hunter2" not in line
