"""A pytest plugin loaded before Django: tests have data, servers and secrets of their own.

Loaded by `addopts = -p tests.environment`, because settings read the environment when Django starts.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("CUX_TEST_VAR", ROOT / "var" / "test"))

os.environ["CUX_VAR"] = str(VAR)
os.environ.setdefault("CUX_LOG_LEVEL", "WARNING")
