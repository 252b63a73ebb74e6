"""What `doctor` looks at on the host itself: the state directory, disk, and memory."""

import os
import shutil
from pathlib import Path

from agent.findings import Finding, ok, problem, warning
from agent.state import State, StateError

MIB = 2**20
DISK_LEAST_MIB = 256
"""Room for the log of answers: 15 minutes of many long ones."""
DISK_WISHED_MIB = 2_048


def state_directory(state: State) -> Finding:
    """Whether the directory can be written, is private, and holds a key that can be read."""
    subject, where = "state directory", state.directory
    try:
        state.create()
        mode = where.stat().st_mode & 0o777
        if mode & 0o077:
            return problem(subject, f"{where} is open to other users ({mode:o})", f"chmod 700 {where}")
        if not os.access(where, os.W_OK):
            return problem(subject, f"{where} can not be written", f"chown -R $USER {where}")
        key = state.signing_key()
    except OSError as error:
        return problem(
            subject, f"{where}: {error.strerror}", "name another with --state, or change its owner"
        )
    except StateError as error:
        return problem(subject, str(error), "restore the key from a backup; a new key is a new provider")
    return ok(subject, f"{where}, key {key.public.hex()[:16]}…")


def disk(where: Path) -> Finding:
    """Whether there is room for the answers that wait while the exchange is away."""
    try:
        free = shutil.disk_usage(where).free // MIB
    except OSError as error:
        return problem("disk", f"{where}: {error.strerror}", "name another directory with --state")
    found = f"{free:,} MiB free"
    fix = "answers are written there first: make room, or name another disk with --state"
    if free < DISK_LEAST_MIB:
        return problem("disk", found, fix)
    return ok("disk", found) if free >= DISK_WISHED_MIB else warning("disk", found, fix)


def memory_available_mib(meminfo: str) -> int:
    """Memory that can be had without swapping, of the text of /proc/meminfo; 0 where it does not say."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1_024
    return 0
