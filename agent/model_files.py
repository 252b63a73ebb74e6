"""The checkpoint on this host, compared with the manifest that came with it (`cux-model.json`)."""

import hashlib
import json
from pathlib import Path
from typing import Any

MANIFEST = "cux-model.json"


class ManifestError(Exception):
    """There is no manifest, or it can not be read."""


def weight_bytes(directory: Path) -> int:
    """Bytes of the checkpoint's weights."""
    return sum(path.stat().st_size for path in directory.glob("*.safetensors"))


def damaged_files(directory: Path) -> list[str]:
    """Files that are missing or differ from the manifest, sorted; sizes are compared before contents.

    Raises ManifestError.
    """
    try:
        files: dict[str, dict[str, Any]] = json.loads((directory / MANIFEST).read_text())["files"]
        return sorted(name for name, entry in files.items() if _differs(directory / name, entry))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{directory / MANIFEST} can not be read") from error


def _differs(path: Path, entry: dict[str, Any]) -> bool:
    if not path.is_file() or path.stat().st_size != entry["size"]:
        return True
    with path.open("rb") as stream:
        return bool(hashlib.file_digest(stream, "sha256").hexdigest() != entry["sha256"])
