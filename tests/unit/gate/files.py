"""Write gates as a training would, by hand."""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from inference.gate.features import BUCKETS, SCALARS

WIDTH = 2
Arrays = Mapping[str, tuple[Sequence[float], Sequence[int]]]


def write_arrays(path: Path, arrays: Arrays, metadata: Mapping[str, str]) -> Path:
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    body = b""
    for name, (numbers, shape) in arrays.items():
        packed = struct.pack(f"<{len(numbers)}e", *numbers)
        offsets = [len(body), len(body) + len(packed)]
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": offsets}
        body += packed
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + body)
    return path


def member(
    name: str, *, offsets: Sequence[float], rows: Mapping[int, Sequence[float]] | None = None
) -> Arrays:
    """Make a member of two hidden units: unit 0 raises every output by 1, unit 1 lowers it by 1."""
    table = [0.0] * (BUCKETS * WIDTH)
    for bucket, values in (rows or {}).items():
        table[bucket * WIDTH : (bucket + 1) * WIDTH] = values
    outputs = len(offsets)
    return {
        f"{name}.rows": (table, (BUCKETS, WIDTH)),
        f"{name}.scalars": ([0.0] * (SCALARS * WIDTH), (SCALARS, WIDTH)),
        f"{name}.bias": ([0.0] * WIDTH, (WIDTH,)),
        f"{name}.weights": ([1.0, -1.0] * outputs, (outputs, WIDTH)),
        f"{name}.offsets": (list(offsets), (outputs,)),
    }


def common(buckets: Sequence[int] = ()) -> Arrays:
    """Make what the members share: the buckets that came up in training, and two rungs' evidence."""
    return {
        "known": ([float(bucket in buckets) for bucket in range(BUCKETS)], (BUCKETS,)),
        "evidence": ([0.0, 1.0, 2.0, 0.5, 0.0, 0.0], (2, 3)),
    }
