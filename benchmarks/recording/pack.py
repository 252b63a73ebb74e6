"""Keep of recordings what the benchmark needs: the evidence of each job's tokens, compressed.

    .venv/bin/python -m benchmarks.recording.pack OUT

Writes benchmarks/recordings/verification/RUN/KIND.json.gz; the same input gives the same bytes.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Final

KEPT: Final = Path(__file__).parent.parent / "recordings" / "verification"


def main(out: str) -> None:
    """Pack all recordings below `out`."""
    for path in sorted(Path(out).glob("*/*.json")):
        jobs = [job["evidence"] for job in json.loads(path.read_text())]
        target = KEPT / path.parent.name / f"{path.name}.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(json.dumps(jobs, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
