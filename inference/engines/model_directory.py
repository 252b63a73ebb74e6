"""Make a model's directory once: whole or not at all, checked by its manifest, by one process at a time."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.engines.model_manifest import (
    Manifest,
    damaged_files,
    manifest_of,
    read_manifest,
    write_manifest,
)

Say = Callable[[str], None]
"""Receives one line of progress."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the directory must hold; another `source`, for one, asks for a new build."""

    model_id: str
    source: str
    precision: str


def model_directory(out: Path, wanted: Wanted, write: Callable[[Path], None], say: Say) -> Manifest:
    """Return the manifest of the model at `out`, having `write` fill it first where it is absent or damaged.

    Two processes may call it at once: one builds, the other waits and then only checks.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with _locked(out.with_name(out.name + ".lock")):
        manifest = read_manifest(out)
        name = wanted.model_id
        if manifest is None or Wanted(manifest.model_id, manifest.source, manifest.precision) != wanted:
            say(f"model {name}: not prepared yet in {out}")
        elif damaged := damaged_files(out, manifest):
            say(f"model {name}: damaged ({', '.join(damaged)}), building it again")
        else:
            say(f"model {name}: checksums of {len(manifest.files)} files are right")
            return manifest
        manifest = _build(out, wanted, write)
        say(f"model {name}: ready in {out} ({manifest.revision})")
        return manifest


def _build(out: Path, wanted: Wanted, write: Callable[[Path], None]) -> Manifest:
    """Build beside `out`, then swap: whoever looks sees the old directory, none, or the whole new one.

    What a killed build left behind goes first (the caller holds the lock, so nobody is building it).
    """
    for leftover in out.parent.glob(f".{out.name}-*"):
        shutil.rmtree(leftover)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        write(staging)
        for path in staging.iterdir():
            path.chmod(0o644)
        staging.chmod(0o755)
        manifest = manifest_of(
            staging, model_id=wanted.model_id, source=wanted.source, precision=wanted.precision
        )
        write_manifest(staging, manifest)
        if out.exists():
            shutil.rmtree(out)
        staging.rename(out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return manifest


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` (released by the kernel when the process ends, however it ends)."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
