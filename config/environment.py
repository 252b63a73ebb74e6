"""Where settings come from: the process environment first, then the embedded servers' record."""

import os
from collections.abc import Mapping
from pathlib import Path

from core.embedded.environment import load

_VAR = Path(os.environ.get("CUX_VAR", Path(__file__).resolve().parent.parent / "var"))

ENVIRONMENT: Mapping[str, str] = {**load(_VAR), **os.environ}
