"""What the soak has found: `docs/soak.json`, written after every unit, so that it can go on after any end."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.clock import utc_now

ROOT = Path(__file__).resolve().parents[2]
CHANGES = "+changes at "
"""Marks what was found on files that no commit has."""
_SEVERITY = ("failed", "unfinished", "passed")


@dataclass
class Found:
    """What one part has found at one commit: units checked of those planned, sums of figures, failures."""

    commit: str
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
        self.seconds = round(self.seconds + seconds, 1)
        for name, value in figures.items():
            self.figures[name] = self.figures.get(name, 0) + value


@dataclass
class Record:
    """What has been found, by part."""

    parts: dict[str, Found] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Return the worst of the parts': `failed`, `unfinished`, `passed`."""
        verdicts = {found.verdict for found in self.parts.values()}
        return next((verdict for verdict in _SEVERITY if verdict in verdicts), "unfinished")

    def save(self, path: Path) -> None:
        """Replace the file in one step."""
        parts = {name: {"verdict": found.verdict, **asdict(found)} for name, found in self.parts.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps({"verdict": self.verdict, "parts": parts}, indent=2) + "\n")
        draft.replace(path)


def load(path: Path, commit: str) -> Record:
    """Return what stands: each part that passed at a commit, whichever, and what was begun at this one."""
    kept = json.loads(path.read_text())["parts"] if path.exists() else {}
    parts = {}
    for name, values in kept.items():
        verdict = values.pop("verdict")
        if values["commit"] == commit or (verdict == "passed" and CHANGES not in values["commit"]):
            parts[name] = Found(**values)
    return Record(parts)


def commit_id() -> str:
    """Return the commit that is checked out, marked with its own moment if the files are not those of it.

    What is found on changed files belongs to no commit: another call on them begins anew.
    """
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--", ":!docs/soak.json")
    return f"{commit}{CHANGES}{utc_now():%Y-%m-%dT%H:%M:%S.%fZ}" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
