"""What the soak has found so far: kept after every kill, so that it can go on after any end."""

import json
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.load import Findings

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Record:
    """Kills that were checked, by what was killed, and the sums of what was found."""

    commit: str
    sequencer_kills: int = 0
    postgres_kills: int = 0
    acknowledged_commands: int = 0
    lost: int = 0
    doubled: int = 0
    astray_nano_usd: int = 0
    states_equal_to_replay: int = 0
    ledgers_verified: int = 0
    pieces: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Return how many kills were checked."""
        return self.sequencer_kills + self.postgres_kills

    def add(self, findings: Findings, *, of_postgres: bool) -> None:
        """Count a kill after which all was as it should be."""
        self.postgres_kills += of_postgres
        self.sequencer_kills += not of_postgres
        self.acknowledged_commands += findings.acknowledged
        self.lost += findings.lost
        self.doubled += findings.doubled
        self.astray_nano_usd += findings.astray_nano_usd
        self.states_equal_to_replay += 1
        self.ledgers_verified += 1

    def verdict(self, planned: int) -> str:
        """Return `failed`, `passed`, or `unfinished`."""
        if self.failures:
            return "failed"
        return "passed" if self.kills == planned else "unfinished"

    def result(self, planned: int) -> dict[str, Any]:
        """Return what is published."""
        shown = asdict(self)
        minutes = round(shown.pop("seconds") / 60, 1)
        return {"verdict": self.verdict(planned), **shown, "minutes": minutes}


def load(path: Path, commit: str) -> Record:
    """Return the record of this commit, an empty one if there is none."""
    if path.exists():
        record = Record(**json.loads(path.read_text()))
        if record.commit == commit:
            return record
    return Record(commit)


def save(path: Path, content: dict[str, Any]) -> None:
    """Replace a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(path)


def commit_id() -> str:
    """Return the commit that is checked out, marked if files of it were changed since."""
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":!docs/soak.json")
    return f"{commit}+changes" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
