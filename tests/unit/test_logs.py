"""What a failure leaves in the log."""

import logging

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
