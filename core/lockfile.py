"""A lock that cannot go stale: flock(2) on a file that also tells who has it.

It belongs to the open file: the kernel drops it when the last process that has the file open ends, and a
child that inherits the file keeps it.
"""

import fcntl
import os
from pathlib import Path


class LockFile:
    """One lock file, open in this process; `acquire` it before trusting anything."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def fileno(self) -> int:
        """Return the descriptor, for a child to inherit."""
        return self._descriptor

    def acquire(self) -> bool:
        """Take the lock without waiting; say whether that worked."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def write_pid(self, pid: int | None) -> None:
        """Record who has the lock; None while that is not known yet."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"" if pid is None else f"{pid}\n".encode(), 0)

    def read_pid(self) -> int | None:
        """Return who recorded itself last."""
        text = os.pread(self._descriptor, 32, 0).strip()
        return int(text) if text else None

    def close(self) -> None:
        """Close the file; the lock stays with a child that inherited it."""
        os.close(self._descriptor)
