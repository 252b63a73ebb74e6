"""The matching engine against a pack of public cases, if it lies beside the repository."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACK = REPOSITORY.parent / "shared" / "conformance" / "run.py"
