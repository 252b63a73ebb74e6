"""CPU seconds of processes with all their descendants, from /proc: the figure to trust on a busy machine."""

import os
from collections.abc import Mapping
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds so far of each named process and its descendants, also of those that ended."""
    parents, used = _processes()
    totals = dict.fromkeys(roots, 0.0)
    names = {pid: name for name, pid in roots.items()}
    for pid, seconds in used.items():
        ancestor = pid
        while ancestor and ancestor not in names:
            ancestor = parents.get(ancestor, 0)
        if ancestor:
            totals[names[ancestor]] += seconds
    return totals


def _processes() -> tuple[dict[int, int], dict[int, float]]:
    """Return the parent and the CPU seconds of every process; an ended child's are its parent's."""
    parents, used = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # proc(5): the name, in parentheses, may hold anything; state, ppid … utime stime cutime cstime.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_S
    return parents, used
