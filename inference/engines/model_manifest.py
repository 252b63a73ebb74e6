"""The manifest of a prepared model: which files it consists of, with size and checksum, and its revision.

Needs the standard library alone, so that whoever serves or sells the model (engine, gateway's meter,
compute card) can check what lies on disk without torch.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MANIFEST_NAME = "cux-model.json"
WEIGHTS_NAME = "model.safetensors"
TOKENIZER_NAME = "tokenizer.json"
EXIT_PATTERN = "exit-*.tensors"
"""Files of depth tiers (`inference.engines.depth_tiers.exit_file`): weights too."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the model: its size in bytes and the hex SHA-256 of its content."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a prepared model directory must contain.

    `source` names the package and file the weights were taken from; `revision` is `sha256:` and a hash over
    weights, exits and tokenizer, the files that decide which tokens come out (config.json also names the
    version of the library that wrote it, which does not).
    """

    model_id: str
    source: str
    precision: str
    revision: str
    files: dict[str, FileEntry]


def file_digest(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def manifest_of(directory: Path, *, model_id: str, source: str, precision: str) -> Manifest:
    """The manifest of the files now in `directory` (the manifest file itself left out)."""
    files = {
        path.name: FileEntry(path.stat().st_size, file_digest(path))
        for path in sorted(directory.iterdir())
        if path.name != MANIFEST_NAME
    }
    exits = sorted(path.name for path in directory.glob(EXIT_PATTERN))
    names = (WEIGHTS_NAME, *exits, TOKENIZER_NAME)
    deciding = "".join(f"{files[name].sha256}  {name}\n" for name in names)
    revision = "sha256:" + hashlib.sha256(deciding.encode()).hexdigest()
    return Manifest(model_id, source, precision, revision, files)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `manifest` beside the files it describes."""
    (directory / MANIFEST_NAME).write_text(json.dumps(asdict(manifest), indent=2) + "\n")


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest in `directory`, or None where there is none that can be read."""
    try:
        raw: dict[str, Any] = json.loads((directory / MANIFEST_NAME).read_text())
        files = {name: FileEntry(**entry) for name, entry in raw.pop("files").items()}
        return Manifest(files=files, **raw)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def damaged_files(directory: Path, manifest: Manifest) -> list[str]:
    """Names of the manifest's files that are missing in `directory` or differ from it, sorted.

    Sizes are compared first, so that a cut-off file costs no hashing.
    """

    def is_damaged(name: str, entry: FileEntry) -> bool:
        path = directory / name
        try:
            return path.stat().st_size != entry.size or file_digest(path) != entry.sha256
        except OSError:
            return True

    return sorted(name for name, entry in manifest.files.items() if is_damaged(name, entry))
