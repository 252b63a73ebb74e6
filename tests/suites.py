"""Run the test suites one after the other and print the time of each: `python -m tests.suites`.

All but the last run on two workers, each with servers and data of its own (`tests/environment.py`).

`--budgets` instead compares the times of the last run with what each suite may take.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(os.environ.get("CUX_VAR", ROOT / "var")) / "test-times.json"


TWO_WORKERS = ("-n", "2", "--dist", "worksteal")
WHOLE_FILES = ("-n", "2", "--dist", "loadfile")
"""For files whose tests share a market: a test that is stolen would have it made a second time."""


@dataclass(frozen=True)
class Suite:
    """Which tests pytest runs, and how many seconds they may take: about twice what two idle cores need."""

    name: str
    tests: tuple[str, ...]
    budget_s: int
    workers: tuple[str, ...] = TWO_WORKERS


SUITES = (
    Suite("unit", ("tests/unit",), 90),
    Suite("property", ("tests/property",), 180),
    Suite("conformance", ("tests/conformance",), 20, workers=()),
    Suite("integration", ("tests/integration",), 700),
    Suite("crash", ("tests/crash",), 260),
    Suite("chaos", ("tests/chaos",), 240),
    Suite("pages in a browser", ("tests/e2e", "-m", "not vllm"), 150, WHOLE_FILES),
    Suite("main job on real vLLM", ("tests/e2e", "-m", "vllm"), 540, workers=()),
)
NO_TESTS_COLLECTED = 5


def run(suites: tuple[Suite, ...], extra: list[str]) -> int:
    """Run the suites, print and record their times; return the first failure's exit status."""
    times: dict[str, float] = {}
    failed = 0
    for suite in suites:
        print(f"\n==> {suite.name}", flush=True)
        started = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", *suite.tests, *suite.workers, *extra]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        times[suite.name] = round(time.monotonic() - started, 1)
        if status not in (0, NO_TESTS_COLLECTED):
            failed = failed or status
    print("\nsuite                        seconds   budget")
    for suite in suites:
        print(f"{suite.name:<28} {times[suite.name]:>7}  {suite.budget_s:>7}")
    print(f"{'all':<28} {round(sum(times.values()), 1):>7}  {sum(s.budget_s for s in suites):>7}")
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(times))
    return failed


def over_budget() -> list[str]:
    """Return a line for each suite whose last run took longer than it may."""
    if not RECORD.exists():
        return []
    times = json.loads(RECORD.read_text())
    return [
        f"{suite.name}: {times[suite.name]} s, may take {suite.budget_s} s"
        for suite in SUITES
        if times.get(suite.name, 0) > suite.budget_s
    ]


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budgets", action="store_true", help="only compare the last run's times")
    parser.add_argument("--only", help="run the suite of this name")
    options, extra = parser.parse_known_args()
    if options.budgets:
        late = over_budget()
        print("\n".join(late) or "time budgets: kept")
        return 1 if late else 0
    return run(tuple(s for s in SUITES if options.only in (None, s.name)), extra)


if __name__ == "__main__":
    raise SystemExit(main())
