"""Read arrays of half-precision numbers from a safetensors file, without numpy or torch.

The format: the header's length in 8 bytes (little-endian), the header as JSON (name → dtype, shape, offsets),
then the numbers of all arrays.
"""

import json
import struct
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class ArraysError(ValueError):
    """A file that is no safetensors file of half-precision arrays, or is cut short."""


class Array(NamedTuple):
    """Numbers row by row, and how many there are along each dimension."""

    numbers: Sequence[float]
    shape: tuple[int, ...]


def read_arrays(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays by name, and the file's metadata. Raises ArraysError."""
    data = path.read_bytes()
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        body = memoryview(data)[8 + length :]
        return {name: _numbers(body, entry) for name, entry in header.items()}, metadata
    except (struct.error, ValueError, KeyError, AttributeError) as error:
        raise ArraysError(f"{path.name} holds no arrays of half precision: {error}") from error


def _numbers(body: memoryview, entry: Mapping[str, Any]) -> Array:
    if entry["dtype"] != "F16":
        raise ValueError(f"expected F16, was {entry['dtype']}")
    begin, end = entry["data_offsets"]
    if end > len(body):
        raise ValueError("the file is cut short")
    numbers = array("f", struct.unpack(f"<{(end - begin) // 2}e", body[begin:end]))
    return Array(numbers, tuple(entry["shape"]))
