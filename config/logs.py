"""Structured logs: one JSON line per event on standard error, with request and job ids bound."""

import asyncio
import json
import logging
import logging.config
import os
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from config.redaction import redact

# Without the frames' local variables: they hold passwords, keys and prompts.
_tracebacks = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


class _Lines:
    """Writes finished lines to standard error. Structlog's end of the chain: the standard library's handlers
    would cost several times the rest of a request's line."""

    _flushing: asyncio.AbstractEventLoop | None = None
    """The loop that will flush when it comes to it."""

    def __init__(self, name: str = "", *_: Any) -> None:
        self.name = name

    def msg(self, line: bytes) -> None:
        """Write one line whole, so that threads do not mix theirs.

        On an event loop the lines of one turn are handed to the system together: requests are answered by
        the dozen, and a call for each line would cost more than the rest of it.
        """
        stream = sys.stderr
        raw = getattr(stream, "buffer", None)
        if raw is None:
            stream.write(line.decode())
        else:
            raw.write(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            stream.flush()
            return
        if _Lines._flushing is not loop:
            _Lines._flushing = loop
            loop.call_soon(_Lines._flush)

    @staticmethod
    def _flush() -> None:
        _Lines._flushing = None
        sys.stderr.flush()

    log = debug = info = warning = error = critical = exception = msg


def _stamp(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["timestamp"] = datetime.now(UTC).isoformat()[: -len("+00:00")] + "Z"
    return event


def _as_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> bytes:
    try:
        line = msgspec.json.encode(event, enc_hook=repr)
    except ValueError:  # text that is no Unicode, as an address may hold: nothing may stop a line
        line = json.dumps(event, default=repr).encode()
    return redact(line) + b"\n"


def _as_text(logger: object, method: str, event: structlog.typing.EventDict) -> str:
    """Return the line of a standard library's record; its handler ends it."""
    return _as_line(logger, method, event).decode().rstrip("\n")


def _logger_name(logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["logger"] = logger.name
    return event


def configure_logging() -> None:
    """Send structlog's and the standard library's records to standard error as JSON lines."""
    level = os.environ.get("CUX_LOG_LEVEL", "INFO")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _stamp,  # structlog's own takes three times as long
    ]
    structlog.configure(
        processors=[_logger_name, *shared, _tracebacks, _as_line],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [structlog.stdlib.add_logger_name, *shared],
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        _tracebacks,
                        _as_text,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django.request": {"level": "ERROR"},  # every answer has its own line already
                "django.server": {"level": "WARNING"},
                "httpx": {"level": "WARNING"},
                "uvicorn": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
            },
        }
    )
