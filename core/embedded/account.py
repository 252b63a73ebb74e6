"""Which user a server runs as, and which single capability it needs to reach its own files."""

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.embedded.errors import EmbeddedError
from core.embedded.launch import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

UNPRIVILEGED_USER = "nobody"


@dataclass(frozen=True)
class Account:
    """The user a server runs as. `dropped` says that we are root and it is somebody else."""

    uid: int
    gid: int
    dropped: bool


def server_account() -> Account:
    """Return ourselves, or an unprivileged existing user when we are root.

    Raises EmbeddedError if we are root and there is no such user.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), dropped=False)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root and there is no user {UNPRIVILEGED_USER!r} to run it as. "
            "Start as an ordinary user, or set DATABASE_URL and BROKER_URL to servers of your own."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, dropped=True)


def capability_needed(account: Account, *, program: Path, directories: Iterable[Path]) -> int | None:
    """Return the capability `account` needs to run `program` and enter `directories`; None if none.

    Raises EmbeddedError, naming the first barrier, if one is needed and we do not have it ourselves.
    """
    if not account.dropped:
        return None
    closed = [path for path in directories if (barrier(path, account)) is not None]
    runnable = _permits(program, account, needed=0o5)
    if runnable and not closed and barrier(program.parent, account) is None:
        return None
    useful = (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if runnable else (CAP_DAC_OVERRIDE,)
    ours = _effective_capabilities()
    for capability in useful:
        if ours >> capability & 1:
            return capability
    obstacle = next(filter(None, (barrier(path, account) for path in (*closed, program.parent))), program)
    raise EmbeddedError(
        f"{UNPRIVILEGED_USER!r}, the user the server runs as because we are root, cannot pass {obstacle}. "
        f"Open it (chmod o+x {obstacle}), clone elsewhere, start as an ordinary user, "
        "or give this container the DAC_OVERRIDE capability."
    )


def barrier(directory: Path, account: Account) -> Path | None:
    """Return the first directory from / down to `directory` that `account` may not pass; None if none."""
    for path in reversed((directory, *directory.parents)):
        if not _permits(path, account, needed=0o1):
            return path
    return None


def _permits(path: Path, account: Account, *, needed: int) -> bool:
    """Say whether the mode of `path` gives `account` all bits of `needed` (4 read, 1 pass or run)."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == account.uid:
        mode >>= 6
    elif status.st_gid == account.gid:
        mode >>= 3
    return mode & needed == needed


def _effective_capabilities() -> int:
    """Return our own effective capabilities as a bit set (proc(5), CapEff)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
