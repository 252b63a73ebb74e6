"""Every case of the pack: its own, flash1's, tracebook's, and public auction examples."""

import subprocess
import sys

from tests.conformance import PACK, REPOSITORY


def test_the_engine_passes_every_case() -> None:
    done = subprocess.run(
        [sys.executable, PACK, "--", sys.executable, "-m", "exchange.engine"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.endswith(" passed, 0 failed\n"), done.stdout + done.stderr
    assert done.returncode == 0
