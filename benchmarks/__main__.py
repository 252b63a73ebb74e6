"""Run every benchmark, one after the other: `make bench`.

Their JSON lines go to standard output and, with the benchmark's name, to `var/bench/results.jsonl`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROGRAM = 'if __name__ == "__main__":'
RESULTS = Path(os.environ.get("CUX_VAR", "var")) / "bench" / "results.jsonl"


def main() -> int:
    """Return the number of benchmarks that failed."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    here = Path(__file__)
    programs = sorted(path.stem for path in here.parent.glob("*.py") if PROGRAM in path.read_text())
    with RESULTS.open("w") as results:
        return sum(_run(module, results.write) != 0 for module in programs if module != here.stem)


def _run(module: str, keep: Callable[[str], object]) -> int:
    """Run one benchmark, passing on what it prints, and return its exit code."""
    print(f"==> benchmarks.{module}", file=sys.stderr)
    command = [sys.executable, "-m", f"benchmarks.{module}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if line.startswith("{"):
                keep(json.dumps({"benchmark": module, **json.loads(line)}, ensure_ascii=False) + "\n")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
