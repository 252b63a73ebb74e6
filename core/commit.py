"""Which commit of the code this is, for results that others are to be able to repeat."""

import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def code_commit() -> str:
    """Return the commit of the working copy; empty where there is none (a container, an archive)."""
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
