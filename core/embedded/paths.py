"""Where the embedded servers keep data, sockets, logs and secrets: everything below one `var` directory.

Unix socket addresses hold 107 bytes. A clone may lie deeper than that, so the sockets move to a short
directory below /tmp, named after the owner and a digest of `var`, when the usual place is too long.
"""

import hashlib
import os
import stat
from pathlib import Path

from core.embedded.errors import EmbeddedError

REPOSITORY = Path(__file__).resolve().parents[2]
SOCKET_PATH_BYTES_MAX = 100
_LONGEST_SOCKET = "postgres/.s.PGSQL.65535"


def var_directory(var: Path | str | None = None) -> Path:
    """Return `var`, else the environment's CUX_VAR, else `<repository>/var`, as an absolute path."""
    return Path(var or os.environ.get("CUX_VAR") or REPOSITORY / "var").resolve()


def run_directory(var: Path) -> Path:
    """Return the directory of sockets, locks and status files: `<var>/run`, or a short stand-in for it."""
    usual = var / "run"
    if len(os.fsencode(usual / _LONGEST_SOCKET)) <= SOCKET_PATH_BYTES_MAX:
        return usual
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    return Path(f"/tmp/cux-{os.geteuid()}-{digest}")  # noqa: S108  (ours alone: owned_directory checks it)


def owned_directory(path: Path, *, mode: int, owner_uid: int | None = None, owner_gid: int = -1) -> Path:
    """Create `path` with `mode` if it is missing, hand it to `owner_uid`, and return it.

    Raises EmbeddedError if it exists and belongs to somebody else or is not a real directory: in a
    shared /tmp another user may have been there first.
    """
    uid = os.geteuid() if owner_uid is None else owner_uid
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
            raise EmbeddedError(
                f"{path} is taken: expected a directory of user {uid}, found one of user {found.st_uid}. "
                "Start as the user who created it, move it away, or set CUX_VAR to another directory."
            ) from None
        return path
    if owner_uid is not None:
        os.chown(path, owner_uid, owner_gid)
    path.chmod(mode)
    return path


def base_directories(var: Path) -> None:
    """Create `var` and the directories below it that every server shares.

    They may be passed through (x for others) by the unprivileged user the servers run as, not listed.
    """
    try:
        var.mkdir(parents=True, mode=0o711, exist_ok=True)
        for path in (var / "log", run_directory(var)):
            owned_directory(path, mode=0o711)
    except OSError as error:
        raise EmbeddedError(
            f"Cannot create {error.filename}: {error.strerror}. Set CUX_VAR to a directory you may write."
        ) from None
