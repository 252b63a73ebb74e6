"""A plugin of pytest that runs tests without the locks they are for: each must pass with it and fail without.

`python -m tests.guards --locks` runs it; `without_locks` says how.
"""

import subprocess
import sys
from collections.abc import Sequence

import pytest
from _pytest.runner import runtestprotocol

from tests.environment import ROOT
from tests.guards.races import RACES
from tests.guards.removal import without


def without_locks(locks: Sequence[str]) -> bool:
    """Print for each lock that it stands, or what is wrong with its test; tell if something is."""
    options = [f"--without-lock={lock}" for lock in locks]
    tests = dict.fromkeys(RACES[lock] for lock in locks)
    command = [sys.executable, "-m", "pytest", "-qq", "-p", "tests.guards.mutants", *options, *tests]
    return bool(tests) and bool(subprocess.run(command, cwd=ROOT, check=False).returncode)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have pytest know of the locks."""
    parser.addoption("--without-lock", action="append", default=[], help="run its test without this lock")


def pytest_collection_finish() -> None:
    """Leave the books unverified at the end of modules: what is done without a lock may break them."""
    from tests import conftest

    conftest.verify_grown = conftest.verify_all = lambda: None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Function, nextitem: pytest.Item | None) -> bool:
    """Run a test for each lock that it is for, with it and without it."""
    for lock in item.config.getoption("--without-lock"):
        if RACES[lock] == item.nodeid:
            stands, said = _tried(item, lock)
            item.session.testsfailed += not stands
            with item.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                print(f"{lock}: {'stands; ' * stands}{said}", flush=True)
    item.session._setupstate.teardown_exact(nextitem)
    return True


def _tried(item: pytest.Function, lock: str) -> tuple[bool, str]:
    """Return whether a lock's test is as it should be, and what it says without the lock or what is wrong."""
    failed = _failed(item)
    if failed is not None:
        return False, f"with it {item.nodeid} fails: {failed.longreprtext}"
    with without(lock):
        failed = _failed(item)
    if failed is None:
        return False, f"without it {item.nodeid} passes"
    if failed.when == "setup":
        return False, f"without it {item.nodeid} is not begun: {failed.longreprtext}"
    return True, f"without it {_reason(failed)}"


def _failed(item: pytest.Function) -> pytest.TestReport | None:
    item._initrequest()
    reports = runtestprotocol(item, nextitem=item.parent, log=False)
    return next((report for report in reports if not report.passed), None)


def _reason(failed: pytest.TestReport) -> str:
    """Return the first line of why a test failed."""
    crash = getattr(failed.longrepr, "reprcrash", None)
    return str(crash.message if crash else failed.longreprtext).partition("\n")[0]
