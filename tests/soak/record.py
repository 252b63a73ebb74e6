"""What the soak has found so far: kept after every unit, so that it can go on after any end."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Found:
    """What one part has found: units checked of those planned, sums of their figures, failures."""

    planned: int
    done: int = 0
    seconds: float = 0.0
    figures: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """Return `failed`, `passed`, or `unfinished`."""
        if self.failures:
            return "failed"
        return "passed" if self.done >= self.planned else "unfinished"

    def add(self, figures: Mapping[str, int], seconds: float) -> None:
        """Count a unit after which all was as it should be."""
        self.done += 1
        self.seconds += seconds
        for name, value in figures.items():
            self.figures[name] = self.figures.get(name, 0) + value

    def result(self) -> dict[str, Any]:
        """Return what is published of it."""
        return {
            "verdict": self.verdict,
            "done": self.done,
            "planned": self.planned,
            **self.figures,
            "minutes": round(self.seconds / 60, 1),
            "failures": self.failures,
        }


@dataclass
class Record:
    """What has been found at one commit, by part."""

    commit: str
    pieces: int = 0
    parts: dict[str, Found] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Return the worst of the parts': `failed`, `unfinished`, `passed`."""
        verdicts = {found.verdict for found in self.parts.values()}
        return next((verdict for verdict in ("failed", "unfinished") if verdict in verdicts), "passed")

    def result(self) -> dict[str, Any]:
        """Return what is published."""
        parts = {name: found.result() for name, found in self.parts.items()}
        return {"verdict": self.verdict, "commit": self.commit, "pieces": self.pieces, "parts": parts}


def load(path: Path, commit: str) -> Record:
    """Return the record of this commit, an empty one if there is none."""
    if path.exists():
        kept = json.loads(path.read_text())
        if kept["commit"] == commit:
            parts = {name: Found(**found) for name, found in kept.pop("parts").items()}
            return Record(**kept, parts=parts)
    return Record(commit)


def save(path: Path, content: dict[str, Any]) -> None:
    """Replace a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(path)


def keep(path: Path, record: Record) -> None:
    """Write the whole record."""
    save(path, asdict(record))


def commit_id() -> str:
    """Return the commit that is checked out, marked if files of it were changed since."""
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":!docs/soak.json")
    return f"{commit}+changes" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
