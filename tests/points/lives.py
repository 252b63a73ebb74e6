"""Lives that end at a moment, and what the next process makes of them."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.environment import ROOT
from tests.points.moments import EXIT

SETTLED = {
    "state": "completed",
    "buyer": [0, 0, 46_000_000, 0],
    "provider": [3_600_000, 400_000],
    "trades": 1,
    "entitlements": ["expired"],
    "settled": 1,
    "memory_is_committed": True,
}
"""Of 50,000,000 nano-USD, 20 lots at 200,000 were paid: for the job at once, for the rest at the end."""
REFUNDED = SETTLED | {
    "state": "refunded",
    "buyer": [0, 0, 46_168_000, 0],
    "provider": [3_448_800, 383_200],
    "settled": 0,
}
"""An agent died with the lease in its hands: the 84 µCU that the job had reserved are cancelled, their
price is back, and the rest is paid for as ever."""


class Host:
    """A warmed process that lives lives."""

    def __init__(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "tests.points.host"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def live(self, directory: Path, number: int, *, fatal: int = 0) -> dict[str, Any]:
        """Have a life lived, up to its fatal moment if it has one; return how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"life": number, "directory": str(directory), "fatal": fatal}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        ended: dict[str, Any] = json.loads(self._process.stdout.readline())
        return ended

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


@contextmanager
def host() -> Iterator[Host]:
    """Run a host."""
    warmed = Host()
    try:
        yield warmed
    finally:
        warmed.close()


def count(warmed: Host) -> list[str]:
    """Live a whole life and return the moments it passed; fail if it did not end as it should."""
    with tempfile.TemporaryDirectory(prefix="cux") as directory:
        ended = warmed.live(Path(directory), 0)
    assert ended["exit"] == 0, ended
    assert ended["report"] == SETTLED
    passed: list[str] = ended["passed"]
    return passed


def die_and_recover(warmed: Host, moment: int) -> str:
    """End a life at this moment, let the next process go on, check what became of it; return the moment."""
    with tempfile.TemporaryDirectory(prefix="cux") as directory:
        died = warmed.live(Path(directory), moment, fatal=moment)
        assert died["exit"] == EXIT, died
        ended = warmed.live(Path(directory), moment)
    assert ended["exit"] == 0, (died, ended)
    assert ended["report"] in (SETTLED, REFUNDED), (died, ended["report"])
    where: str = died["died"]
    return where
