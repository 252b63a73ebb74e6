"""A real sequencer process for a test, on a socket of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Inspect
from tests.environment import ROOT
from tests.waiting import eventually

SEQUENCER = ("manage.py", "sequencer")


class SequencerProcess:
    """`manage.py sequencer`, or a program that is one, started and told what to do by a test."""

    def __init__(self, directory: Path, *arguments: str, program: Sequence[str] = SEQUENCER) -> None:
        """Start it; its log goes to a file."""
        self.socket = directory / "s"
        self.log = directory / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program, "--socket", str(self.socket), *arguments],
                cwd=ROOT,
                env=os.environ | {"CUX_LOG_LEVEL": "INFO"},
                stderr=log,
            )

    def events(self) -> list[dict[str, Any]]:
        """Return what it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def await_event(self, name: str) -> None:
        """Wait until it has logged this event; fail if it ends before."""

        def logged() -> bool:
            if any(event["event"] == name for event in self.events()):
                return True
            assert self.process.poll() is None, self.log.read_text()
            return False

        eventually(logged, within_s=30)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for its end."""
        return self.process.wait(30)


@contextmanager
def started(
    directory: Path, *arguments: str, program: Sequence[str] = SEQUENCER
) -> Iterator[SequencerProcess]:
    """Start a sequencer, and end it with SIGTERM if nothing else has."""
    process = SequencerProcess(directory, *arguments, program=program)
    try:
        yield process
    except BaseException:
        print(process.log.read_text())  # noqa: T201 - pytest shows it with the failure
        raise
    finally:
        if process.process.poll() is None:
            process.send(signal.SIGCONT)
            process.send(signal.SIGTERM)
            process.exit_code()


@contextmanager
def talking_to(process: SequencerProcess) -> Iterator[None]:
    """Let this process's client talk to a sequencer, once it listens."""
    process.await_event("sequencer_listening")
    before = settings.SEQUENCER_SOCKET
    settings.SEQUENCER_SOCKET = str(process.socket)
    try:
        yield
    finally:
        settings.SEQUENCER_SOCKET = before


@contextmanager
def sequencer(*arguments: str, program: Sequence[str] = SEQUENCER) -> Iterator[SequencerProcess]:
    """Run a sequencer that this process's client talks to."""
    with (
        tempfile.TemporaryDirectory(prefix="cux") as directory,
        started(Path(directory), *arguments, program=program) as process,
        talking_to(process),
    ):
        yield process


def inspect() -> dict[str, Any]:
    """Ask the running sequencer for its hashes."""
    return submit_sync(Inspect()).body
