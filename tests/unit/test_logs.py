"""What a failure leaves in the log, and what a line looks like."""

import asyncio
import contextlib
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
def test_lines_written_on_an_event_loop_are_whole_and_there_when_its_turn_is_over(capfdbinary):
    async def said() -> list[bytes]:
        for number in range(3):
            structlog.get_logger("api").warning("request", number=number)
        await asyncio.sleep(0)
        return capfdbinary.readouterr().err.splitlines()

    with open(2, "w", closefd=False) as stream, contextlib.redirect_stderr(stream):
        for _ in range(2):  # a second loop, too
            assert [json.loads(line)["number"] for line in asyncio.run(said())] == [0, 1, 2]


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


SECRETS = [
    "sk_live_" + "0a1b2c3d_" + "x" * 43,
    "sk_test_" + "51Habc" + "y" * 20,
    "rk_live_" + "z" * 24,
    "whsec_" + "MfKQ9r8GKYqrTwjU" + "+/a=",
    "pi_3Nabc" + "_secret_" + "Zk9" * 6,
    "cux_0a1b2c3d_" + "w" * 43,
]
HIDDEN = [
    *((secret, f"it was {secret}, as sent") for secret in SECRETS),
    ("hunter2222", "postgresql://cux_app:hunter2222@localhost/cux"),
    ("hunter2222", "redis://:hunter2222@127.0.0.1:6379/0"),
    ("dXNlcjpwYXNz", "Authorization: Basic dXNlcjpwYXNz"),
    ("eyJhbGciOi.J9", "bearer eyJhbGciOi.J9"),
    ("hunter2222", "password=hunter2222&next=/"),
    ("hunter2222", "{'password': 'hunter2222', 'next': '/'}"),
    ("hunter2222", '{"new_password": "hunter2222"}'),
    ("hunter2222", "RELAY_TOKEN=hunter2222"),
    ("492031", "code=492031"),
    ("492031", '{"code": "492031"}'),
    ("a1b2c3d4e5", "{'code': 'a1b2c3d4e5'}"),
    ("abcdefgh1234", "sessionid=abcdefgh1234; csrftoken=x"),
]
KEPT = [
    "balance_insufficient",
    "code: balance_insufficient, prompt_tokens=512, key_id=0197",
    "job_0197aabbccddeeff00112233445566 at http://127.0.0.1:8000/v1/orders",
    "payment_intent pi_3Nabc failed with code 402",
]


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(("secret", "text"), HIDDEN, ids=[str(number) for number in range(len(HIDDEN))])
@pytest.mark.parametrize("write", ["structlog", "logging"])
def test_no_secret_is_written_wherever_it_stands(capsys, write, secret, text):
    """As message, under any key, nested, and in a traceback."""
    configure_logging()  # anew: the handler writes to the standard error of this moment
    try:
        raise ValueError(text)
    except ValueError:
        if write == "structlog":
            structlog.get_logger("api").exception(text, anything=text, nested={"list": [text]})
        else:
            logging.getLogger("page").exception("it failed: %s", text)
    written = capsys.readouterr().err
    assert secret not in written
    assert "***" in written
    assert json.loads(written)["level"] == "error"


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize("text", KEPT, ids=[str(number) for number in range(len(KEPT))])
def test_what_is_no_secret_stays(capsys, text):
    structlog.get_logger("api").error("event", text=text)
    assert json.loads(capsys.readouterr().err)["text"] == text


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(
    ("field", "value"),
    [("password", "hunter2222"), ("secret", "abc/d+e="), ("authorization", "Bearer x.y-z")],
)
def test_what_comes_under_a_secrets_name_is_not_written(capsys, field, value):
    structlog.get_logger("api").error("event", **{field: value})
    written = capsys.readouterr().err
    assert value not in written
    assert json.loads(written)[field].endswith("***")
