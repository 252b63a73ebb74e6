"""Secrets that are made once and kept in `<var>/secrets/`, one file each, readable by the owner only."""

import os
import secrets
import tempfile
from pathlib import Path

from core.embedded.errors import EmbeddedError
from core.embedded.paths import owned_directory

SECRET_BYTES = 32


def secret(var: Path, name: str) -> str:
    """Return the secret `name` (64 hex digits), making it on first use.

    Safe when several processes ask at once: the file appears complete, by a link that only one wins.
    Raises EmbeddedError if the file cannot be read or made.
    """
    path = var / "secrets" / name
    try:
        if not path.exists():
            var.mkdir(parents=True, mode=0o711, exist_ok=True)
            owned_directory(path.parent, mode=0o700)
            _create(path)
        return path.read_text().strip()
    except OSError as error:
        raise EmbeddedError(
            f"Cannot use {error.filename}: {error.strerror}. Start as the user who created {var}, "
            "or set CUX_VAR to a directory of your own."
        ) from None


def _create(path: Path) -> None:
    """Write a new random secret to `path` unless another process was first."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".new-") as draft:  # mode 0600
        draft.write(secrets.token_hex(SECRET_BYTES) + "\n")
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return
