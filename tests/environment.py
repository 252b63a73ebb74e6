"""A pytest plugin loaded before Django: tests have data, servers and secrets of their own.

Loaded by `addopts = -p tests.environment`, because settings read the environment when Django starts.
Each worker of pytest-xdist (`-n 2`) has its own: two workers are two exchanges that share nothing.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
VAR = Path(os.environ.get("CUX_TEST_VAR", ROOT / "var" / "test")) / WORKER

os.environ["CUX_VAR"] = str(VAR)
os.environ.setdefault("CUX_PUBLIC_ACCESS_DAY_UCU", "0")  # who has no money is refused for that
os.environ.setdefault("CUX_LOG_LEVEL", "WARNING")
