"""What a failure leaves in the log, and what a line looks like."""

import json
import logging

import pytest
import structlog

from config.logs import configure_logging


def test_no_local_variable_of_a_failing_frame_gets_into_the_log(capsys):
    before = logging.root.handlers[:], logging.root.level
    try:
        configure_logging()
        password = "x".join(["never", "logged"])
        try:
            raise ValueError(len(password))
        except ValueError:
            logging.getLogger("page").exception("page_failed")
        written = capsys.readouterr().err
    finally:
        logging.root.handlers[:], logging.root.level = before
    assert "page_failed" in written
    assert "ValueError" in written
    assert password not in written


@pytest.fixture
def _configured():
    before = logging.root.handlers[:], logging.root.level
    configure_logging()
    yield
    logging.root.handlers[:], logging.root.level = before


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize("path", ["/v1/orders", "/v1/\ud83d"], ids=["text", "no Unicode"])
def test_a_line_is_one_json_object_with_level_logger_time_and_what_is_bound(capsys, path):
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        structlog.get_logger("api").warning("request", path=path, status=201)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "path": path,
        "status": 201,
        "request_id": "req_1",
        "level": "warning",
        "logger": "api",
    }


@pytest.mark.usefixtures("_configured")
def test_a_failure_brings_its_traceback_without_local_variables(capsys):
    secret = "x".join(["never", "logged"])
    try:
        raise ValueError(len(secret))
    except ValueError:
        structlog.get_logger("api").exception("request_failed")
    written = capsys.readouterr().err
    assert json.loads(written)["exception"][0]["exc_type"] == "ValueError"
    assert secret not in written
