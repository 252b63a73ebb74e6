"""The whole stack, started once for all end-to-end tests; its ledger must verify at the end."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from os import environ

import pytest

from config.processes import ROOT
from tests.e2e.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Return a running CUX with two providers on real vLLM, on data of its own."""
    var = ROOT / "var" / "stack"
    shutil.rmtree(var, ignore_errors=True)
    running = Stack(var)
    running.start()
    try:
        yield running
        verify = [sys.executable, "manage.py", "ledger_verify"]
        subprocess.run(verify, cwd=ROOT, env=environ | running.place.environment, check=True)
    finally:
        running.stop()
